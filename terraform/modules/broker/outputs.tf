output "function_arn" {
  description = "ARN of the alias `live`: rest-api's input `function_arn`."
  value       = aws_lambda_alias.live.arn
}

output "invoke_arn" {
  description = "ARN by which API Gateway invokes the alias, for integrations that rest-api does not make."
  value       = aws_lambda_alias.live.invoke_arn
}

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "function_version" {
  description = "The version behind the alias: it changes when package or configuration did."
  value       = aws_lambda_function.this.version
}

output "package_sha256" {
  description = "SHA-256 of the package, in Base64 as Lambda shows it."
  value       = aws_lambda_function.this.source_code_hash
}

output "definition_sha256" {
  description = "SHA-256 that the packaged definition must have, in lower-case hexadecimal; null if any will do."
  value       = var.definition_sha256
}

output "secrets_kms_key_arn" {
  description = "The KMS key by which the function may decrypt; null if secrets are encrypted by AWS's own."
  value       = var.secrets_kms_key_arn
}

output "role_arn" {
  description = "ARN of the role that the function runs as, for the policies of keys and secrets."
  value       = aws_iam_role.this.arn
}

output "log_group_name" {
  description = "CloudWatch log group of the function: audit, logs and metrics."
  value       = aws_cloudwatch_log_group.this.name
}

output "bindings_reference" {
  description = "Where the bindings lie, as the function reads it."
  value       = local.bindings_reference
}
