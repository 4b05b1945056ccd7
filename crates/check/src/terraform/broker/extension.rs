//! The one layer that the function may have: the AWS Parameters and Secrets Lambda Extension, as AWS publishes it.
//!
//! Anybody can publish a layer of that name and let everybody use it, so that the account is what tells AWS's own. AWS has one
//! for each region, and lists them: see [`ACCOUNTS`]. A region that is not in the list is found, not believed.

/// Why the layer `arn` is not AWS's extension; none if it is.
pub(super) fn objection(arn: &str) -> Option<String> {
    // arn:aws:lambda:REGION:ACCOUNT:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12
    let parts: Vec<_> = arn.split(':').collect();
    let ["arn", _, "lambda", region, account, "layer", name, version] = parts.as_slice() else {
        return Some(format!("the function has the layer `{arn}`"));
    };
    if !NAMES.contains(name) || version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("the function has the layer `{arn}`"));
    }
    match ACCOUNTS.iter().find(|(known, _)| known == region) {
        Some((_, aws)) if aws == account => None,
        Some((_, aws)) => Some(format!(
            "the function has the layer `{arn}`, which has the name of AWS's extension and is the account {account}'s; AWS's is \
             {aws}"
        )),
        None => Some(format!(
            "the function has the layer `{arn}`, and by which account AWS publishes its extension in `{region}` is not known here"
        )),
    }
}

/// One for each architecture.
const NAMES: [&str; 2] =
    ["AWS-Parameters-and-Secrets-Lambda-Extension", "AWS-Parameters-and-Secrets-Lambda-Extension-Arm64"];

/// By region, the account that AWS publishes the extension by: it is the same for both architectures. From
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html>, as of 28 July 2026.
/// As far as it goes, the AWS CDK's table `PARAMS_AND_SECRETS_LAMBDA_LAYER_ARNS` says the same.
const ACCOUNTS: [(&str, &str); 39] = [
    ("af-south-1", "317013901791"),
    ("ap-east-1", "768336418462"),
    ("ap-east-2", "890742577149"),
    ("ap-northeast-1", "133490724326"),
    ("ap-northeast-2", "738900069198"),
    ("ap-northeast-3", "576959938190"),
    ("ap-south-1", "176022468876"),
    ("ap-south-2", "070087711984"),
    ("ap-southeast-1", "044395824272"),
    ("ap-southeast-2", "665172237481"),
    ("ap-southeast-3", "490737872127"),
    ("ap-southeast-4", "090732460067"),
    ("ap-southeast-5", "381492012281"),
    ("ap-southeast-6", "995508174458"),
    ("ap-southeast-7", "941377119484"),
    ("ca-central-1", "200266452380"),
    ("ca-west-1", "243964427225"),
    ("cn-north-1", "287114880934"),
    ("cn-northwest-1", "287310001119"),
    ("eu-central-1", "187925254637"),
    ("eu-central-2", "772501565639"),
    ("eu-north-1", "427196147048"),
    ("eu-south-1", "325218067255"),
    ("eu-south-2", "524103009944"),
    ("eu-west-1", "015030872274"),
    ("eu-west-2", "133256977650"),
    ("eu-west-3", "780235371811"),
    ("eusc-de-east-1", "041683371183"),
    ("il-central-1", "148806536434"),
    ("me-central-1", "858974508948"),
    ("me-south-1", "832021897121"),
    ("mx-central-1", "241533131596"),
    ("sa-east-1", "933737806257"),
    ("us-east-1", "177933569100"),
    ("us-east-2", "590474943231"),
    ("us-gov-east-1", "129776340158"),
    ("us-gov-west-1", "127562683043"),
    ("us-west-1", "997803712105"),
    ("us-west-2", "345057560386"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(region: &str, account: &str, name: &str) -> String {
        format!("arn:aws:lambda:{region}:{account}:layer:{name}:12")
    }

    #[test]
    fn extension_of_awss_account_in_its_region_is_taken() {
        for (region, account) in ACCOUNTS {
            for name in NAMES {
                assert_eq!(objection(&arn(region, account, name)), None);
            }
        }
    }

    #[test]
    fn name_alone_does_not_make_it_awss() {
        let [name, _] = NAMES;
        let told = objection(&arn("eu-central-1", "123456789012", name)).unwrap();
        assert!(told.ends_with("is the account 123456789012's; AWS's is 187925254637"), "{told}");
        // AWS's account of another region publishes nothing in this one.
        assert!(objection(&arn("eu-central-1", "177933569100", name)).is_some());
        let told = objection(&arn("xx-nowhere-1", "187925254637", name)).unwrap();
        assert!(told.ends_with("in `xx-nowhere-1` is not known here"), "{told}");
    }

    #[test]
    fn other_layers_of_awss_account_are_not_the_extension() {
        for text in [
            "arn:aws:lambda:eu-central-1:187925254637:layer:helper:1",
            "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension",
            "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension:",
            "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension:1x",
            "",
        ] {
            assert!(objection(text).is_some(), "{text}");
        }
    }

    #[test]
    fn each_region_stands_once_and_each_account_has_twelve_digits() {
        assert!(ACCOUNTS.windows(2).all(|pair| matches!(pair, [(one, _), (next, _)] if one < next)));
        let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        assert!(ACCOUNTS.iter().all(|(_, account)| is_account(account)));
    }
}
