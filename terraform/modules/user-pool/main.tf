# The issuer: a user pool without users, whose app clients are the broker's. Callers never see their ids or secrets.
#
#   broker ── secret header ──▶ WAF? ──▶ domain /oauth2/token ──▶ app client ──▶ resource server's scopes
#      └───── secret ◀── Secrets Manager or SSM

data "aws_region" "current" {}

################################################################################
# User pool
################################################################################

resource "aws_cognito_user_pool" "this" {
  name                = var.name
  deletion_protection = var.deletion_protection ? "ACTIVE" : "INACTIVE"
  tags                = var.tags

  # Nobody signs up, and nobody gets in by recovering an account: machines have neither.
  admin_create_user_config {
    allow_admin_create_user_only = true
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "admin_only"
      priority = 1
    }
  }
}

################################################################################
# Resource servers
################################################################################

locals {
  scopes = distinct(flatten([for client in values(var.clients) : client.scopes]))

  # By identifier: the scope is what stands behind the last slash, the identifier may be a URL.
  resource_servers = {
    for scope in local.scopes : regex("^(.+)/[^/]+$", scope)[0] => regex("/([^/]+)$", scope)[0]...
  }
}

resource "aws_cognito_resource_server" "this" {
  for_each = local.resource_servers

  user_pool_id = aws_cognito_user_pool.this.id
  identifier   = each.key
  name         = each.key

  dynamic "scope" {
    for_each = toset(each.value)

    content {
      scope_name        = scope.value
      scope_description = "${each.key}/${scope.value}"
    }
  }
}

################################################################################
# App clients
################################################################################

locals {
  app_clients = {
    for name in distinct([for client in values(var.clients) : client.app_client]) : name => {
      scopes           = sort(distinct(flatten([for client in values(var.clients) : client.scopes if client.app_client == name])))
      validity_seconds = lookup(local.validity_seconds, name, 3600)
    }
  }

  # "1h30m" has 5400 seconds. What is no duration has 3600 here and is refused by its variable.
  validity_seconds = {
    for name, app_client in var.app_clients : name => try(sum([
      for part, amount in regex("^(?:(?P<h>[0-9]+)h)?(?:(?P<m>[0-9]+)m)?(?:(?P<s>[0-9]+)s)?$", app_client.token_validity) :
      amount == null ? 0 : tonumber(amount) * { h = 3600, m = 60, s = 1 }[part]
    ]), 3600)
  }
}

resource "aws_cognito_user_pool_client" "this" {
  for_each = local.app_clients

  user_pool_id = aws_cognito_user_pool.this.id
  name         = "${var.name}-${each.key}"

  # Cognito makes the secret. It stands in the state as an attribute of this resource: see README.md.
  generate_secret                      = true
  allowed_oauth_flows                  = ["client_credentials"]
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_scopes                 = each.value.scopes
  # Without any, Cognito would allow signing in by SRP and by custom flows. This one needs a token of those.
  explicit_auth_flows           = ["ALLOW_REFRESH_TOKEN_AUTH"]
  enable_token_revocation       = true
  prevent_user_existence_errors = "ENABLED"
  access_token_validity         = each.value.validity_seconds

  token_validity_units {
    access_token = "seconds"
  }

  # A scope can be allowed only if it is there.
  depends_on = [aws_cognito_resource_server.this]

  lifecycle {
    precondition {
      # refuses_validity_that_cognito_does_not_take
      condition     = each.value.validity_seconds >= 300 && each.value.validity_seconds <= 86400
      error_message = "The token_validity of an app client is shorter than 5 minutes or longer than a day, which Cognito does not take. Write 5m to 24h."
    }
  }
}

################################################################################
# Domain
################################################################################

resource "aws_cognito_user_pool_domain" "this" {
  user_pool_id    = aws_cognito_user_pool.this.id
  domain          = coalesce(var.domain.prefix, var.domain.name)
  certificate_arn = var.domain.certificate_arn
}

locals {
  host           = var.domain.prefix == null ? var.domain.name : "${aws_cognito_user_pool_domain.this.domain}.auth.${data.aws_region.current.name}.amazoncognito.com"
  token_endpoint = "https://${local.host}/oauth2/token"
}
