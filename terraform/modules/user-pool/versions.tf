terraform {
  # 1.11 is the first with arguments that are written and never kept: by them the secrets go to their entries.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Verified with 5.100.0. 6.x renames what this module reads (`aws_region.name`) and was not tried.
      version = ">= 5.100, < 6.0"
    }
  }
}
