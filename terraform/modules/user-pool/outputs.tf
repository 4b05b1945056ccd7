# What others need: where tokens are asked for and verified, and where secrets lie. No output has a secret in it.

output "user_pool_id" {
  description = "Id of the user pool."
  value       = aws_cognito_user_pool.this.id
}

output "user_pool_arn" {
  description = "ARN of the user pool."
  value       = aws_cognito_user_pool.this.arn
}

output "issuer" {
  description = "The `iss` of access tokens, for those who verify them; their keys are at `/.well-known/jwks.json` below it."
  value       = "https://${aws_cognito_user_pool.this.endpoint}"
}

output "token_endpoint" {
  description = "Where the broker asks for tokens. Callers ask the front door."
  value       = local.token_endpoint
}

output "upstream" {
  description = "The member `upstream` of the broker's bindings: the token endpoint, and the header that it must be asked with, by reference."
  value = {
    token_endpoint = local.token_endpoint
    header         = var.origin_header == null ? null : { name = var.origin_header.name, value = local.origin_reference }
  }
}

output "app_clients" {
  description = "The member `app_clients` of the broker's bindings: each app client's id, and a reference to its secret."
  value = {
    for name, app_client in aws_cognito_user_pool_client.this : name => { client_id = app_client.id, secret = local.references[name] }
  }
}

output "secrets_kms_key_arn" {
  description = "The KMS key that encrypts the secrets, for the broker's input of this name; null if it is AWS's own."
  value       = var.store.kms_key_arn
}

output "web_acl_arn" {
  description = "ARN of the web ACL before the pool; null without `origin_header`."
  value       = one(aws_wafv2_web_acl.origin[*].arn)
}

output "domain_target" {
  description = "What the DNS alias of a domain of your own points to: a CloudFront distribution and its hosted zone; null with a prefix."
  value = var.domain.name == null ? null : {
    name    = aws_cognito_user_pool_domain.this.cloudfront_distribution
    zone_id = aws_cognito_user_pool_domain.this.cloudfront_distribution_zone_id
  }
}
