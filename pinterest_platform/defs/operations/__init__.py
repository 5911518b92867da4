"""What watches over and prepares the rest: the conservation ledger, provisioning."""
