//! What can be typed: commands, options, and examples for each.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::parser::ValueSource;
use clap::{
    ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum, ValueHint,
};
use clap_complete::Shell;

use crate::control::DAYS_KEPT;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// The one door through which machines get Amazon Cognito tokens.
#[derive(Debug, Parser)]
#[command(name = "token-broker", version, styles = STYLES, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Whether the definition was named; the default one need not be there for every command
    #[arg(skip)]
    pub(crate) config_is_named: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// What was typed. What is wrong with it ends the program.
    pub(crate) fn read() -> Self {
        let matches = Self::command().get_matches();
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        cli.config_is_named = names_config(&matches);
        cli
    }
}

/// Whether the definition was named, on the command line or in the environment.
fn names_config(matches: &ArgMatches) -> bool {
    match matches.subcommand() {
        Some((_, matches)) => names_config(matches),
        None => matches.value_source("config").is_some_and(|source| source != ValueSource::DefaultValue),
    }
}

const EXAMPLES: &str = "\
Examples:
  token-broker up                          run the whole chain on this machine
  token-broker token billing               get a token as the client `billing` does
  token-broker keys add billing            give `billing` a second API key, for rotation
  token-broker usage                       see who has used how much of its quota
  token-broker config check                see whether token-broker.yaml can be run
  token-broker reload                      take over a changed token-broker.yaml without a restart
  token-broker check plan.json             see what a Terraform plan breaks";

/// Where the definition and the state are.
#[derive(Args, Clone, Debug)]
pub(crate) struct Place {
    /// The definition: API, plans, clients
    #[arg(long, global = true, env = "TOKEN_BROKER_CONFIG", default_value = "token-broker.yaml", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: PathBuf,
    /// The directory of generated keys and secrets; nobody else may read it
    #[arg(long, global = true, env = "TOKEN_BROKER_STATE", default_value = ".token-broker", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented token-broker.yaml and generate keys and secrets
    #[command(
        after_help = "Examples:\n  token-broker init\n  token-broker init --config /etc/token-broker.yaml --state /var/lib/token-broker"
    )]
    Init(Output),
    /// Run the front door, the broker and the user pool on this machine
    #[command(
        after_help = "Examples:\n  token-broker up\n  token-broker up --json            print the addresses as one JSON object first\n  token-broker up --access-log -    write access-log lines to stdout\n  token-broker up --tls             encrypt the front door, without a certificate of your own\n\nCtrl-C or SIGTERM: no new requests are accepted, those under way finish, exit code 0.\nSIGHUP, or a changed file: the definition is read again."
    )]
    Up(Up),
    /// Get a token through the front door, as a client does, and show its claims
    #[command(
        after_help = "Examples:\n  token-broker token billing\n  token-broker token billing --scope 'orders/read orders/write'\n  curl -H \"Authorization: Bearer $(token-broker token billing --raw)\" https://api.example.com/orders"
    )]
    Token(Token),
    /// List the clients with their plan, limits and scopes
    #[command(after_help = "Examples:\n  token-broker clients\n  token-broker clients --json")]
    Clients(Output),
    /// List, add and revoke API keys
    #[command(subcommand)]
    Keys(Keys),
    /// Show how much of its quota each API key has used
    #[command(
        after_help = "Examples:\n  token-broker usage                    every client\n  token-broker usage billing --days 7   and each of the last seven days (UTC)\n  token-broker usage --json             as API Gateway's GetUsage has it, and where each key stands\n\nIt asks the running server."
    )]
    Usage(Usage),
    /// Give a client more of its quota
    #[command(subcommand)]
    Quota(Quota),
    /// Have the running server read its definition again, and wait for what comes of it
    #[command(
        after_help = "Examples:\n  token-broker config diff    what it would change\n  token-broker reload\n\nA definition that is wrong, or that needs a restart, changes nothing: exit code 1, and the reason."
    )]
    Reload(Output),
    /// Check the definition, compare it with the one in force, or print its schema
    #[command(subcommand)]
    Config(Config),
    /// Check the definition, or Terraform's plans and states, against the guardrails
    #[command(after_help = CHECK_HELP)]
    Check(Check),
    /// Make the file that AWS Lambda takes: the broker's program and the definition, never a secret
    #[command(
        after_help = "Examples:\n  token-broker package --bootstrap target/lambda/arm64/bootstrap --output broker.zip\n  token-broker package --bootstrap bootstrap --output broker.zip --json\n\nThe same program and definition always make the same bytes. CodeSha256 is what Lambda shows of them."
    )]
    Package(Package),
    /// Print a completion script for a shell
    #[command(
        after_help = "Examples:\n  token-broker completions bash > /etc/bash_completion.d/token-broker\n  token-broker completions zsh > \"${fpath[1]}/_token-broker\""
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Up {
    /// Print the addresses as one line of JSON before anything else
    #[arg(long)]
    pub(crate) json: bool,
    /// Where access-log lines go; `-` is stdout [default: logs/access.log in the state directory]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) access_log: Option<PathBuf>,
    /// Where execution-log lines go; `-` is stdout [default: logs/execution.log in the state directory]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) execution_log: Option<PathBuf>,
    /// Where audit lines go; `-` is stdout [default: logs/audit.log in the state directory]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) audit_log: Option<PathBuf>,
    /// Which of the program's own log lines to show on stderr
    #[arg(long, env = "TOKEN_BROKER_LOG", default_value = "info", value_name = "FILTER")]
    pub(crate) log: String,
    /// How long requests under way may take to finish once the program is told to stop
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub(crate) drain_seconds: u64,
    /// Encrypt the front door: with the definition's certificate, or else with one that is made for development
    #[arg(long)]
    pub(crate) tls: bool,
    /// Listen here instead of where the definition says
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) front_door: Option<SocketAddr>,
    /// Send spans to this OpenTelemetry collector instead of the one in the definition, which must ask for spans
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) otlp_endpoint: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Token {
    /// The client to get a token as
    pub(crate) client: String,
    /// The scopes to ask for, separated by spaces; the client's default ones if none are named
    #[arg(long)]
    pub(crate) scope: Option<String>,
    /// Show this certificate, in PEM, to a front door that asks clients for one
    #[arg(long, requires = "key", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) cert: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, requires = "cert", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: Option<PathBuf>,
    /// Print the bare token and nothing else
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// What `terraform show -json` printed of a plan or a state, or `-` for stdin [default: the definition is checked]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// How to write what is found
    #[arg(long, value_enum, default_value_t = CheckFormat::Text, value_name = "FORMAT")]
    pub(crate) format: CheckFormat,
    /// The name of the REST API to check, where a file has several [default: the definition's]
    #[arg(long, value_name = "NAME", requires = "files")]
    pub(crate) api: Option<String>,
    /// Do not hold the files against the definition; its waivers are read all the same
    #[arg(long, requires = "files")]
    pub(crate) no_compare: bool,
    /// Print every guardrail with its reason and how to mend what breaks it, and check nothing
    #[arg(long, conflicts_with_all = ["files", "format", "api", "no_compare"])]
    pub(crate) list: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Package {
    /// The broker's program for Lambda, which `make lambda` builds
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bootstrap: PathBuf,
    /// The file to make
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// Print JSON for a program to read
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CheckFormat {
    /// One line per finding
    Text,
    /// One JSON object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations for GitHub Actions
    Github,
}

const CHECK_HELP: &str = "\
Examples:
  token-broker check
  terraform plan -out plan && terraform show -json plan | token-broker check -
  token-broker check plan.json --format sarif > token-broker.sarif
  token-broker check --list

Files are held against the definition, too, if there is one. Its `waivers` take findings out of the count.

Exit code: 0 nothing found, 1 something found, 2 it could not be checked.";

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Print JSON for a program to read
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// List API keys: their ids, clients and files, never their values
    List(Output),
    /// Generate a further API key for a client; a running server takes it within a second
    #[command(
        after_help = "Rotation without downtime:\n  token-broker keys add billing        the new key works beside the old one\n  (give the new key to the client)\n  token-broker keys revoke billing     by name or id; the old key stops working"
    )]
    Add {
        /// The client
        client: String,
        #[command(flatten)]
        output: Output,
    },
    /// Revoke an API key; a running server refuses it within a second
    Revoke {
        /// The key's id, or its name
        key: String,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Usage {
    /// The client; all of them if none is named
    pub(crate) client: Option<String>,
    /// Show each of the last days as well, today included; usage is kept for 90
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(DAYS_KEPT)))]
    pub(crate) days: Option<u32>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Quota {
    /// Allow a client more requests until its quota starts anew; the next period is as it was
    #[command(
        after_help = "Examples:\n  token-broker quota extend billing 500\n  token-broker quota extend billing 500 --key billing.2   where a client has several keys\n\nIt asks the running server, and the requests are allowed at once."
    )]
    Extend {
        /// The client
        client: String,
        /// How many requests more
        #[arg(value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        more: u64,
        /// The key's name or id; needed where the client has several, for each has a quota of its own
        #[arg(long)]
        key: Option<String>,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Check the definition: its fields, its values, and the guardrails over what it compiles to
    Check(Output),
    /// Show what a reload would change on the running server
    #[command(
        after_help = "Examples:\n  token-broker config diff\n  token-broker config diff next.yaml --format json\n\nExit code: 0 the same is in force, 1 something differs, 2 it could not be compared."
    )]
    Diff(Diff),
    /// Print the JSON Schema of the definition, for editors
    Schema,
}

#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// The definition to compare with the one in force [default: the one that --config names]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// How to write what differs
    #[arg(long, value_enum, default_value_t = DiffFormat::Text, value_name = "FORMAT")]
    pub(crate) format: DiffFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DiffFormat {
    /// One line per change
    Text,
    /// One JSON object
    Json,
}
