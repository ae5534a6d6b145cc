# Addresses of earlier versions: a deployment made with them is carried over, not made anew.

moved {
  from = module.even
  to   = module.arm["even"]
}

moved {
  from = module.odd
  to   = module.arm["odd"]
}
