-- One row per import: a FOCUS file, known by the digest of its decoded bytes.
CREATE TABLE imports (
    id uuid PRIMARY KEY,
    -- SHA-256. Null only inside the import's own transaction, which learns it when the last byte has been read.
    digest bytea UNIQUE CHECK (octet_length(digest) = 32),
    bytes bigint NOT NULL DEFAULT 0 CHECK (bytes >= 0),
    accepted bigint NOT NULL DEFAULT 0 CHECK (accepted >= 0),
    rejected bigint NOT NULL DEFAULT 0 CHECK (rejected >= 0),
    -- The first refused rows: [{"line", "column", "reason", "value"}].
    problems jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL
);

-- One row per FOCUS charge; columns are FOCUS's in snake_case. Money is numeric without a fixed scale: never rounded.
CREATE TABLE charges (
    id uuid NOT NULL,
    -- Null where the charge was posted by itself.
    import_id uuid REFERENCES imports ON DELETE CASCADE,
    -- Physical line of the import's file.
    line bigint,
    availability_zone text,
    billed_cost numeric NOT NULL,
    billing_account_id text,
    billing_account_name text,
    billing_account_type text,
    billing_currency text NOT NULL,
    billing_period_end timestamptz,
    billing_period_start timestamptz,
    capacity_reservation_id text,
    capacity_reservation_status text,
    charge_category text NOT NULL,
    charge_class text,
    charge_description text,
    charge_frequency text,
    charge_period_end timestamptz NOT NULL,
    charge_period_start timestamptz NOT NULL,
    commitment_discount_category text,
    commitment_discount_id text,
    commitment_discount_name text,
    commitment_discount_quantity numeric,
    commitment_discount_status text,
    commitment_discount_type text,
    commitment_discount_unit text,
    consumed_quantity numeric,
    consumed_unit text,
    contracted_cost numeric,
    contracted_unit_price numeric,
    effective_cost numeric NOT NULL,
    host_provider_name text,
    invoice_id text,
    invoice_issuer_name text,
    list_cost numeric,
    list_unit_price numeric,
    pricing_category text,
    pricing_currency text,
    pricing_currency_contracted_unit_price numeric,
    pricing_currency_effective_cost numeric,
    pricing_currency_list_unit_price numeric,
    pricing_quantity numeric,
    pricing_unit text,
    provider_name text NOT NULL,
    publisher_name text,
    region_id text,
    region_name text,
    resource_id text,
    resource_name text,
    resource_type text,
    service_category text,
    service_name text NOT NULL,
    service_provider_name text,
    service_subcategory text,
    sku_id text,
    sku_meter text,
    sku_price_details text,
    sku_price_id text,
    sub_account_id text,
    sub_account_name text,
    sub_account_type text,
    tags jsonb NOT NULL DEFAULT '{}',
    -- Columns FOCUS does not name, x_ ones among them, as they stood in the file.
    extras jsonb NOT NULL DEFAULT '{}',
    -- The order of keyset pagination, and the key that partitions by month will need.
    PRIMARY KEY (charge_period_start, id)
);

CREATE INDEX charges_id ON charges (id);
CREATE INDEX charges_import ON charges (import_id);
CREATE INDEX charges_provider ON charges (provider_name, charge_period_start, id);
CREATE INDEX charges_service ON charges (service_name, charge_period_start, id);
CREATE INDEX charges_resource ON charges (lower(resource_id), charge_period_start, id) WHERE resource_id IS NOT NULL;
CREATE INDEX charges_region ON charges (region_id, charge_period_start, id) WHERE region_id IS NOT NULL;
CREATE INDEX charges_tags ON charges USING gin (tags jsonb_path_ops);

-- Answers of calls that carried an Idempotency-Key, for a day.
CREATE TABLE idempotency_keys (
    caller text NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    answer jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
