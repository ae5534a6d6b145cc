# State of dev. The account's name is bootstrap's output `state`; give it
# with -backend-config=storage_account_name=NAME.
container_name   = "dev"
key              = "switchback.tfstate"
use_azuread_auth = true
