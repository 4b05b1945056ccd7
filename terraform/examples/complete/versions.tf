terraform {
  # For the secrets' entries of the user pool: see there.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6.0"
    }
  }

  # The state holds the API keys' values and the app clients' secrets: see README.md for a backend that is fit for it.
}
