# What others need: the URL for clients, ids for operators, the bindings for the broker.

locals {
  domain_url = var.domain == null ? null : join("/", compact(["https://${var.domain.name}", var.domain.base_path]))
}

output "invoke_url" {
  description = "The token endpoint: where clients send POST requests. By the custom domain, if there is one."
  value       = "${local.domain_url != null ? local.domain_url : aws_api_gateway_stage.this.invoke_url}/oauth2/token"
}

output "rest_api_id" {
  description = "Id of the REST API."
  value       = aws_api_gateway_rest_api.this.id
}

output "execution_arn" {
  description = "ARN that invocations of the API begin with, for IAM policies of callers."
  value       = aws_api_gateway_rest_api.this.execution_arn
}

output "stage_name" {
  description = "Name of the stage."
  value       = aws_api_gateway_stage.this.stage_name
}

output "stage_arn" {
  description = "ARN of the stage."
  value       = aws_api_gateway_stage.this.arn
}

output "deployment_id" {
  description = "Id of the deployment that the stage shows: it changes when something was deployed."
  value       = aws_api_gateway_deployment.this.id
}

output "api_key_ids" {
  description = "Id of each API key, by its name."
  value       = { for name, key in aws_api_gateway_api_key.client : name => key.id }
}

output "api_key_values" {
  description = "Value of each API key, by its name. Secret: hand each to its client and to nobody else."
  value       = { for name, key in aws_api_gateway_api_key.client : name => key.value }
  sensitive   = true
}

output "usage_plan_ids" {
  description = "Id of each usage plan, by its name."
  value       = { for name, plan in aws_api_gateway_usage_plan.plan : name => plan.id }
}

output "bindings" {
  description = "What the broker must know and only an apply can say: which API key is which client's. No secret."
  value = {
    version = 1
    keys    = { for name, key in aws_api_gateway_api_key.client : key.id => local.keys[name].client }
  }
}

output "access_log_group_name" {
  description = "CloudWatch log group of the access log."
  value       = aws_cloudwatch_log_group.access.name
}

output "execution_log_group_name" {
  description = "CloudWatch log group of the execution log; null if it is off."
  value       = one(aws_cloudwatch_log_group.execution[*].name)
}

output "domain_target" {
  description = "What the custom domain's DNS alias points to: name and hosted zone; null without a domain."
  value = one([for domain in aws_api_gateway_domain_name.this : {
    name    = domain.regional_domain_name
    zone_id = domain.regional_zone_id
  }])
}
