# C) What each API key may use: plans with a bucket and a quota for every key on them, and the clients' keys. All of it is
# live: nothing here needs a deployment.

################################################################################
# Usage plans
################################################################################

resource "aws_api_gateway_usage_plan" "plan" {
  for_each = var.plans

  name = each.key
  tags = var.tags

  api_stages {
    api_id = aws_api_gateway_rest_api.this.id
    stage  = aws_api_gateway_stage.this.stage_name

    # A stricter bucket of the key for this method; a looser one would not lift the plan's.
    dynamic "throttle" {
      for_each = each.value.token_endpoint == null ? [] : [each.value.token_endpoint]

      content {
        path        = "/oauth2/token/POST"
        rate_limit  = throttle.value.rate
        burst_limit = throttle.value.burst
      }
    }
  }

  throttle_settings {
    rate_limit  = each.value.throttle.rate
    burst_limit = each.value.throttle.burst
  }

  dynamic "quota_settings" {
    for_each = each.value.quota == null ? [] : [each.value.quota]

    content {
      limit  = quota_settings.value.limit
      offset = quota_settings.value.offset
      period = upper(quota_settings.value.period)
    }
  }
}

################################################################################
# API keys
################################################################################

locals {
  # A client that `keys` does not name has one key, named like it.
  key_names_by_client = { for client in keys(var.clients) : client => try(var.keys[client], { (client) = { enabled = true } }) }

  # By key name. A name that two clients have is refused by `keys`; the grouping only keeps this from failing first.
  keys = {
    for name, owners in {
      for key in flatten([
        for client, names in local.key_names_by_client : [
          for name, key in names : { name = name, client = client, enabled = key.enabled }
        ]
      ]) : key.name => key...
    } : name => owners[0]
  }
}

# API Gateway generates the value, which never stands in the configuration. It does stand in the state: see README.md.
resource "aws_api_gateway_api_key" "client" {
  for_each = local.keys

  name        = each.key
  description = "Key of the client ${each.value.client} for ${var.api.name}"
  enabled     = each.value.enabled
  # The client that policy, budget and audit go by.
  customer_id = each.value.client
  tags        = var.tags
}

# Which plan each key is on, by name. A first plan knows no plan's id: this is how it shows, to people and to
# `token-broker check`, where every key will be.
resource "terraform_data" "plan_of_key" {
  for_each = local.keys

  input = var.clients[each.value.client].plan
}

resource "aws_api_gateway_usage_plan_key" "client" {
  for_each = local.keys

  usage_plan_id = aws_api_gateway_usage_plan.plan[terraform_data.plan_of_key[each.key].input].id
  key_id        = aws_api_gateway_api_key.client[each.key].id
  key_type      = "API_KEY"
}
