"""Operations: conservation ledger, audit, maintenance, provisioning and the daily run."""
