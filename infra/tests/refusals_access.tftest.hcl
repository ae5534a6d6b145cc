# Bad values are refused before anything is planned, each by its own variable:
# who may connect. The messages are in the variables.

mock_provider "azurerm" {
  source = "./tests/mocks"
}

# A run holds one bad value of each of several variables; every one must fail.

run "refused_one" {
  command = plan
  variables {
    # no caller at all
    allowed_cidrs = []
    # wide operator
    operator_cidrs = ["203.0.0.0/8"]
    # wide deployer
    deployer_cidrs = ["203.0.0.0/8"]
    # network too small
    address_space = "10.64.0.0/26"
    # cors wildcard
    cors_origins = ["*"]
    # health behind a key
    open = ["docs"]
    # ticket key version zero
    ticket_key_version = 0
    # vault forgets at once
    vault_retention_days = 1
  }
  expect_failures = [var.allowed_cidrs, var.operator_cidrs, var.deployer_cidrs, var.address_space, var.cors_origins, var.open, var.ticket_key_version, var.vault_retention_days]
}

run "private_range_of_operators" {
  command = plan
  variables {
    # private range of operators
    operator_cidrs = ["192.168.0.0/24"]
  }
  expect_failures = [var.operator_cidrs]
}

run "open_to_the_world" {
  command = plan
  variables {
    # open to the world
    allowed_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "private_range_of_callers" {
  command = plan
  variables {
    # private range of callers
    allowed_cidrs = ["10.0.0.0/16"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "address_without_length" {
  command = plan
  variables {
    # address without length
    allowed_cidrs = ["203.0.113.7"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "host_bits_set" {
  command = plan
  variables {
    # host bits set
    allowed_cidrs = ["203.0.113.7/24"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "ipv6_callers" {
  command = plan
  variables {
    # ipv6 callers
    allowed_cidrs = ["2001:db8::/32"]
  }
  expect_failures = [var.allowed_cidrs]
}
