-- Superseded exports, datasets and the origins of imports are lost; every charge stays.
ALTER TABLE charges RENAME TO charges_after;
ALTER INDEX charges_pkey RENAME TO charges_after_pkey;
DROP INDEX charges_order, charges_resource;
DELETE FROM imports WHERE NOT live;
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
INSERT INTO charges (id, import_id, line, tags, extras, availability_zone, billed_cost, billing_account_id, billing_account_name, billing_account_type, billing_currency, billing_period_end, billing_period_start, capacity_reservation_id, capacity_reservation_status, charge_category, charge_class, charge_description, charge_frequency, charge_period_end, charge_period_start, commitment_discount_category, commitment_discount_id, commitment_discount_name, commitment_discount_quantity, commitment_discount_status, commitment_discount_type, commitment_discount_unit, consumed_quantity, consumed_unit, contracted_cost, contracted_unit_price, effective_cost, host_provider_name, invoice_id, invoice_issuer_name, list_cost, list_unit_price, pricing_category, pricing_currency, pricing_currency_contracted_unit_price, pricing_currency_effective_cost, pricing_currency_list_unit_price, pricing_quantity, pricing_unit, provider_name, publisher_name, region_id, region_name, resource_id, resource_name, resource_type, service_category, service_name, service_provider_name, service_subcategory, sku_id, sku_meter, sku_price_details, sku_price_id, sub_account_id, sub_account_name, sub_account_type)
    SELECT charges_after.id, imports.id, line, coalesce(tags, '{}'), coalesce(extras, '{}'),
        availability_zone, coalesce(billed_cost, 0), billing_account_id, billing_account_name, billing_account_type, billing_currency, billing_period_end, billing_period_start, capacity_reservation_id, capacity_reservation_status, charge_category, charge_class, charge_description, charge_frequency, charge_period_end, charge_period_start, commitment_discount_category, commitment_discount_id, commitment_discount_name, commitment_discount_quantity, commitment_discount_status, commitment_discount_type, commitment_discount_unit, consumed_quantity, consumed_unit, contracted_cost, contracted_unit_price, coalesce(effective_cost, 0), host_provider_name, invoice_id, invoice_issuer_name, list_cost, list_unit_price, pricing_category, pricing_currency, pricing_currency_contracted_unit_price, pricing_currency_effective_cost, pricing_currency_list_unit_price, pricing_quantity, pricing_unit, coalesce(provider_name, ''), publisher_name, region_id, region_name, resource_id, resource_name, resource_type, service_category, coalesce(service_name, ''), service_provider_name, service_subcategory, sku_id, sku_meter, sku_price_details, sku_price_id, sub_account_id, sub_account_name, sub_account_type
    FROM charges_after LEFT JOIN imports ON imports.no = charges_after.import_no;
DROP TABLE charges_after, costs_by_service, costs_by_sub_account, costs_by_region;
DROP TABLE stages, posted_months, tag_spellings, import_bodies, import_origins, import_months;
DROP INDEX imports_live_digest;
ALTER TABLE imports DROP COLUMN no, DROP COLUMN dataset, DROP COLUMN file_name, DROP COLUMN part_names, DROP COLUMN caller, DROP COLUMN exported_at,
    DROP COLUMN warnings, DROP COLUMN conformance, DROP COLUMN live, ALTER COLUMN digest DROP NOT NULL, ADD CONSTRAINT imports_digest_key UNIQUE (digest);
DROP SEQUENCE import_numbers;
DROP TABLE datasets;
