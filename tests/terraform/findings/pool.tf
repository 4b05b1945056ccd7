# The user pool behind the broker, its app client, and the web ACL that keeps everybody else out.

resource "aws_cognito_user_pool" "machines" {
  name                = "machines"
  deletion_protection = var.wrong == "pool_without_protection" ? "INACTIVE" : "ACTIVE"

  admin_create_user_config {
    allow_admin_create_user_only = var.wrong != "sign_up"
  }
}

resource "aws_cognito_user_pool_client" "m2m" {
  user_pool_id                         = aws_cognito_user_pool.machines.id
  name                                 = "m2m"
  generate_secret                      = true
  allowed_oauth_flows                  = concat(["client_credentials"], var.wrong == "app_client_for_people" ? ["code"] : [])
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_scopes                 = ["orders/read"]
  explicit_auth_flows                  = ["ALLOW_REFRESH_TOKEN_AUTH"]
  prevent_user_existence_errors        = "ENABLED"
}

# Cognito's own choice of flows lets people sign in.
resource "aws_cognito_user_pool_client" "more" {
  count                                = var.wrong == "app_client_by_default" ? 1 : 0
  user_pool_id                         = aws_cognito_user_pool.machines.id
  name                                 = "more"
  generate_secret                      = true
  allowed_oauth_flows                  = ["client_credentials"]
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_scopes                 = ["orders/read"]
  prevent_user_existence_errors        = "ENABLED"
}

# Another pool, of people, is another matter.
resource "aws_cognito_user_pool" "people" {
  name = "people"
}

resource "aws_cognito_user_pool_client" "people" {
  user_pool_id                         = aws_cognito_user_pool.people.id
  name                                 = "people"
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_scopes                 = ["openid"]
  callback_urls                        = ["https://example.com/"]
  supported_identity_providers         = ["COGNITO"]
}

resource "aws_wafv2_web_acl" "broker_only" {
  name  = "broker-only"
  scope = "REGIONAL"

  default_action {
    dynamic "allow" {
      for_each = var.wrong == "acl_lets_in" ? [1] : []
      content {}
    }
    dynamic "block" {
      for_each = var.wrong == "acl_lets_in" ? [] : [1]
      content {}
    }
  }

  rule {
    name     = "header"
    priority = 1

    action {
      allow {}
    }

    statement {
      byte_match_statement {
        positional_constraint = "EXACTLY"
        search_string         = aws_cognito_user_pool_client.m2m.client_secret

        field_to_match {
          single_header {
            name = "x-origin"
          }
        }

        text_transformation {
          priority = 0
          type     = "NONE"
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "header"
      sampled_requests_enabled   = false
    }
  }

  # The keys by which tokens are verified are everybody's.
  rule {
    name     = "keys"
    priority = 2

    action {
      allow {}
    }

    statement {
      and_statement {
        statement {
          byte_match_statement {
            positional_constraint = "EXACTLY"
            search_string         = var.wrong == "acl_lets_in_posts" ? "POST" : "GET"

            field_to_match {
              method {}
            }

            text_transformation {
              priority = 0
              type     = "NONE"
            }
          }
        }

        statement {
          byte_match_statement {
            positional_constraint = "ENDS_WITH"
            search_string         = var.wrong == "acl_lets_in_by_path" ? "/oauth2/token" : "/.well-known/jwks.json"

            field_to_match {
              uri_path {}
            }

            text_transformation {
              priority = 0
              type     = "NONE"
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "keys"
      sampled_requests_enabled   = false
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "broker-only"
    sampled_requests_enabled   = false
  }
}

resource "aws_wafv2_web_acl_association" "machines" {
  resource_arn = aws_cognito_user_pool.machines.arn
  web_acl_arn  = aws_wafv2_web_acl.broker_only.arn
}

resource "aws_wafv2_web_acl_logging_configuration" "broker_only" {
  resource_arn            = aws_wafv2_web_acl.broker_only.arn
  log_destination_configs = ["arn:aws:logs:eu-central-1:123456789012:log-group:aws-waf-logs-tokens"]

  dynamic "redacted_fields" {
    for_each = var.wrong == "header_in_logs" ? [] : [1]
    content {
      single_header {
        name = "x-origin"
      }
    }
  }
}
