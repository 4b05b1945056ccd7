output "invoke_url" {
  description = "The token endpoint: where clients send POST requests."
  value       = module.rest_api.invoke_url
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

output "bindings" {
  description = "What the broker must know and only an apply can say: which API key is which client's."
  value       = module.rest_api.bindings
}
