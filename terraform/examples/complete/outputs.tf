output "invoke_url" {
  description = "The token endpoint: where clients send POST requests."
  value       = module.rest_api.invoke_url
}

output "issuer" {
  description = "The `iss` of access tokens, for those who verify them; their keys are at `/.well-known/jwks.json` below it."
  value       = module.user_pool.issuer
}

output "rest_api_id" {
  description = "Id of the REST API."
  value       = module.rest_api.rest_api_id
}

output "stage_name" {
  description = "Name of the stage."
  value       = module.rest_api.stage_name
}

output "api_key_ids" {
  description = "Id of each API key, by its name."
  value       = module.rest_api.api_key_ids
}

output "api_key_values" {
  description = "Value of each API key, by its name. Secret: hand each to its client and to nobody else."
  value       = module.rest_api.api_key_values
  sensitive   = true
}

output "function_name" {
  description = "Name of the broker's function."
  value       = module.broker.function_name
}

output "function_version" {
  description = "The version of the function that answers: it changes when package or configuration did."
  value       = module.broker.function_version
}

output "package_sha256" {
  description = "SHA-256 of the package that runs, in Base64 as Lambda shows it."
  value       = module.broker.package_sha256
}

output "log_group_name" {
  description = "CloudWatch log group of the broker: audit, logs and metrics."
  value       = module.broker.log_group_name
}

output "bindings_reference" {
  description = "Where the broker's bindings lie."
  value       = module.broker.bindings_reference
}
