# All of it, out of one token-broker.yaml: the front door, the broker behind it, the user pool behind that.
#
#   client ──▶ rest_api ──▶ broker ──▶ user_pool
#                 └─ keys ──▶ bindings ◀── app clients, where their secrets lie

locals {
  definition_file = startswith(var.definition_file, "/") ? var.definition_file : "${path.root}/${var.definition_file}"
  definition      = yamldecode(file(local.definition_file))
  home            = local.definition.homes.aws
}

provider "aws" {
  region = local.home.region
}

################################################################################
# Issuer
################################################################################

module "user_pool" {
  source = "../../modules/user-pool"

  clients             = local.definition.clients
  app_clients         = try(local.definition.app_clients, {})
  domain              = { prefix = var.domain_prefix }
  origin_header       = var.origin_header
  store               = { kms_key_arn = var.secrets_kms_key_arn, recovery_window_days = var.deletion_protection ? 30 : 0 }
  deletion_protection = var.deletion_protection
  tags                = var.tags
}

################################################################################
# Policy brain
################################################################################

module "broker" {
  source = "../../modules/broker"

  package_file            = var.package_file
  definition_sha256       = filesha256(local.definition_file)
  architecture            = var.architecture
  extension_layer_arn     = var.extension_layer_arn
  extension_layer_account = var.extension_layer_account
  reserved_concurrency    = var.reserved_concurrency
  secrets_kms_key_arn     = module.user_pool.secrets_kms_key_arn
  tags                    = var.tags

  bindings = {
    keys        = module.rest_api.bindings.keys
    upstream    = module.user_pool.upstream
    app_clients = module.user_pool.app_clients
  }
}

################################################################################
# Front door
################################################################################

module "rest_api" {
  source = "../../modules/rest-api"

  api          = local.definition.api
  plans        = local.definition.plans
  clients      = local.definition.clients
  keys         = var.keys
  stage_name   = try(local.home.stage, "prod")
  function_arn = module.broker.function_arn
  tags         = var.tags

  # A stage that logs cannot be made before the account may write logs.
  depends_on = [aws_api_gateway_account.logging]
}

################################################################################
# Logging of the account
################################################################################

# One for the account and region, whatever APIs there are: `destroy` here would not take it back, and a second
# configuration with the same resource would undo the first one's.
resource "aws_api_gateway_account" "logging" {
  count = var.manage_account_logging ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.logging[0].arn

  depends_on = [aws_iam_role_policy_attachment.logging]
}

resource "aws_iam_role" "logging" {
  count = var.manage_account_logging ? 1 : 0

  # A role is there for all regions, the setting for one.
  name = "token-broker-api-gateway-logging-${local.home.region}"
  tags = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "apigateway.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "logging" {
  count = var.manage_account_logging ? 1 : 0

  role       = aws_iam_role.logging[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

data "aws_partition" "current" {}
