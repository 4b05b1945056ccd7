# What deploys anew and what does not: a change that is never deployed is not there for callers, however green the apply.
# A deployment is made anew when the hash of what it freezes is another than `frozen`, that of the variables below.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }

  mock_resource "aws_api_gateway_rest_api" {
    defaults = { execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:abcde12345" }
  }

  mock_resource "aws_api_gateway_resource" {
    defaults = { id = "res123" }
  }

  mock_resource "aws_api_gateway_method" {
    defaults = { id = "agm-abcde12345-res123-POST" }
  }

  mock_resource "aws_api_gateway_deployment" {
    defaults = { id = "dep123" }
  }

  mock_resource "aws_api_gateway_stage" {
    defaults = { arn = "arn:aws:apigateway:eu-central-1::/restapis/abcde12345/stages/prod" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:access" }
  }
}

variables {
  frozen = "272402f5b7f2459caae7a79213eaaf17375807f8"

  function_arn  = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker"
  stage_name    = "prod"
  api           = { throttle = { rate = 200, burst = 400 }, token_endpoint = { identity = "iam" } }
  authorization = { type = "AWS_IAM" }
  plans         = { standard = { throttle = { rate = 10, burst = 20 } } }
  clients       = { billing = { plan = "standard" } }
}

run "variables_below_make_this_hash" {
  command = plan

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.frozen == var.frozen
    error_message = "the hash is another: write it into `frozen` if what a deployment freezes was meant to change"
  }

  assert {
    condition     = aws_api_gateway_stage.this.deployment_id == aws_api_gateway_deployment.this.id && output.deployment_id == aws_api_gateway_deployment.this.id
    error_message = "the stage shows another deployment"
  }
}

run "limits_keys_and_log_settings_deploy_nothing" {
  command = plan

  variables {
    api                  = { throttle = { rate = 150, burst = 300 }, token_endpoint = { identity = "iam", throttle = { rate = 90, burst = 100 } } }
    plans                = { standard = { throttle = { rate = 11, burst = 22 }, quota = { limit = 1, period = "day" } } }
    keys                 = { billing = { "billing.2" = {} } }
    execution_log_level  = "INFO"
    metrics_enabled      = false
    xray_tracing_enabled = true
    access_log           = { retention_days = 30 }
    tags                 = { team = "identity" }
    web_acl              = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/token/12345678" }
  }

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.frozen == var.frozen
    error_message = "what is live is deployed"
  }
}

run "another_function_is_deployed" {
  command = plan

  variables {
    function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live"
  }

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.frozen != var.frozen
    error_message = "the old function is still called"
  }
}

run "another_timeout_is_deployed" {
  command = plan

  variables {
    integration_timeout_milliseconds = 10000
  }

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.frozen != var.frozen
    error_message = "the old timeout still holds"
  }
}

run "other_refusals_are_deployed" {
  command = plan

  variables {
    api = { throttle = { rate = 200, burst = 400 }, token_endpoint = { identity = "iam" }, gateway_responses = "aws" }
  }

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.frozen != var.frozen
    error_message = "the old refusals are still given"
  }
}

run "another_authorization_is_deployed" {
  command = plan

  variables {
    api           = { throttle = { rate = 200, burst = 400 } }
    authorization = { type = "NONE" }
  }

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.frozen != var.frozen
    error_message = "callers still need a signature"
  }
}

run "a_method_without_a_key_is_deployed" {
  command = plan

  variables {
    api_key_required = false
  }

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.frozen != var.frozen
    error_message = "callers still need a key"
  }
}

run "a_resource_policy_is_deployed" {
  command = plan

  variables {
    resource_policy = { json = "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"execute-api:Invoke\",\"Resource\":\"execute-api:/*\"}]}" }
  }

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.frozen != var.frozen
    error_message = "the policy does not hold"
  }
}

run "a_domain_that_shuts_the_old_url_is_deployed" {
  command = plan

  variables {
    domain = {
      name            = "token.example.com"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  }

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.frozen != var.frozen
    error_message = "the old URL still answers"
  }
}
