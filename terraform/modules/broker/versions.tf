terraform {
  # 1.9 is the first in which the validation of one variable may look at another.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Verified with 5.100.0. 6.x renames what this module reads (`aws_region.name`) and was not tried.
      version = ">= 5.100, < 6.0"
    }
  }
}
