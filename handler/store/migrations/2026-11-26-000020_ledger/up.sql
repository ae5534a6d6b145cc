-- The ledger at the size of a real bill: one partition for each import and billing month, written beside the ledger and attached whole.
-- Elastic clusters set the rules: one level of partitions, every key with the distribution column `id`, no triggers, no defaults from
-- sequences, no foreign keys from charges.

-- Sources that are exported again and again: an export replaces the one before.
CREATE TABLE datasets (
    name text PRIMARY KEY,
    created_at timestamptz NOT NULL
);

CREATE SEQUENCE import_numbers;

ALTER TABLE imports
    -- Half of the key its charges are partitioned by.
    ADD COLUMN no bigint,
    ADD COLUMN dataset text REFERENCES datasets,
    ADD COLUMN file_name text,
    -- Files of an export in parts, in the order charges count them.
    ADD COLUMN part_names text[],
    ADD COLUMN caller text,
    ADD COLUMN exported_at timestamptz,
    -- Cells that could not be read, by column and reason: [{"rows", "file", "line", "column", "reason", "value"}].
    ADD COLUMN warnings jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN conformance jsonb,
    -- Whether it still holds a billing month: only then its file is the same import again.
    ADD COLUMN live boolean NOT NULL DEFAULT true;
UPDATE imports SET no = numbered.no
    FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS no FROM imports) AS numbered WHERE numbered.id = imports.id;
SELECT setval('import_numbers', (SELECT coalesce(max(no), 0) + 1 FROM imports), false);
ALTER TABLE imports ALTER COLUMN no SET NOT NULL, ALTER COLUMN digest SET NOT NULL, ADD CONSTRAINT imports_no UNIQUE (no);
ALTER TABLE imports DROP CONSTRAINT imports_digest_key;
CREATE UNIQUE INDEX imports_live_digest ON imports (digest) WHERE live;

-- What each import brought of each billing month.
CREATE TABLE import_months (
    import_no bigint NOT NULL REFERENCES imports (no) ON DELETE CASCADE,
    billing_month date NOT NULL,
    charges bigint NOT NULL,
    first_charge_start timestamptz NOT NULL,
    last_charge_start timestamptz NOT NULL,
    -- The id of the import that has replaced it; its charges are gone then.
    replaced_by uuid,
    PRIMARY KEY (import_no, billing_month)
);
CREATE INDEX import_months_month ON import_months (billing_month) WHERE replaced_by IS NULL;
CREATE INDEX import_months_replaced ON import_months (replaced_by) WHERE replaced_by IS NOT NULL;

-- Whose charges they are: what two imports must not both hold of one billing month.
CREATE TABLE import_origins (
    import_no bigint NOT NULL,
    billing_month date NOT NULL,
    provider_name text,
    billing_account_id text,
    sub_account_id text,
    FOREIGN KEY (import_no, billing_month) REFERENCES import_months ON DELETE CASCADE
);
CREATE INDEX import_origins_month ON import_origins (billing_month);
CREATE INDEX import_origins_import ON import_origins (import_no, billing_month);

-- SHA-256 of the bodies as they arrived, so that a client that names one need not send it again.
CREATE TABLE import_bodies (
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    import_no bigint NOT NULL REFERENCES imports (no) ON DELETE CASCADE,
    PRIMARY KEY (digest, import_no)
);
INSERT INTO import_bodies (digest, import_no) SELECT digest, no FROM imports;

-- Spellings of tag keys whose provider takes no notice of case.
CREATE TABLE tag_spellings (
    folded text NOT NULL,
    spelling text NOT NULL,
    import_no bigint NOT NULL,
    PRIMARY KEY (folded, spelling)
);

-- Billing months that have a partition of posted charges.
CREATE TABLE posted_months (billing_month date PRIMARY KEY);

-- Tables that imports in flight are writing; whatever has not been touched for long was left by a process that ended.
CREATE TABLE stages (
    import_no bigint NOT NULL,
    billing_month date NOT NULL,
    touched_at timestamptz NOT NULL,
    PRIMARY KEY (import_no, billing_month)
);

ALTER TABLE charges RENAME TO charges_before;
ALTER INDEX charges_pkey RENAME TO charges_before_pkey;
DROP INDEX charges_id, charges_provider, charges_service, charges_resource, charges_region, charges_tags;

-- One row per FOCUS charge; columns are FOCUS's in snake_case. Money is numeric without a fixed scale. Columns of fixed width stand first:
-- behind texts they would need padding.
CREATE TABLE charges (
    id uuid NOT NULL,
    -- 0 for a charge that was posted by itself.
    import_no bigint NOT NULL,
    -- First day of the month it is billed in.
    billing_month date NOT NULL,
    -- Physical line of the import's file.
    line integer,
    charge_period_start timestamptz NOT NULL,
    charge_period_end timestamptz NOT NULL,
    billing_period_start timestamptz,
    billing_period_end timestamptz,
    -- File of an export in parts, from 0.
    part smallint NOT NULL DEFAULT 0,
    billed_cost numeric,
    commitment_discount_quantity numeric,
    consumed_quantity numeric,
    contracted_cost numeric,
    contracted_unit_price numeric,
    effective_cost numeric,
    list_cost numeric,
    list_unit_price numeric,
    pricing_currency_contracted_unit_price numeric,
    pricing_currency_effective_cost numeric,
    pricing_currency_list_unit_price numeric,
    pricing_quantity numeric,
    availability_zone text,
    billing_account_id text,
    billing_account_name text,
    billing_account_type text,
    billing_currency text NOT NULL,
    capacity_reservation_id text,
    capacity_reservation_status text,
    charge_category text NOT NULL,
    charge_class text,
    charge_description text,
    charge_frequency text,
    commitment_discount_category text,
    commitment_discount_id text,
    commitment_discount_name text,
    commitment_discount_status text,
    commitment_discount_type text,
    commitment_discount_unit text,
    consumed_unit text,
    host_provider_name text,
    invoice_id text,
    invoice_issuer_name text,
    pricing_category text,
    pricing_currency text,
    pricing_unit text,
    provider_name text,
    publisher_name text,
    region_id text,
    region_name text,
    resource_id text,
    resource_name text,
    resource_type text,
    service_category text,
    service_name text,
    service_provider_name text,
    service_subcategory text,
    sku_id text,
    sku_meter text,
    sku_price_details text,
    sku_price_id text,
    sub_account_id text,
    sub_account_name text,
    sub_account_type text,
    tags jsonb,
    -- Columns FOCUS does not name, x_ ones among them, as they stood in the file.
    extras jsonb,
    PRIMARY KEY (id, billing_month, import_no)
) PARTITION BY RANGE (billing_month, import_no);
-- The order of pages.
CREATE INDEX charges_order ON charges (charge_period_start, id);
CREATE INDEX charges_resource ON charges (lower(resource_id));

-- Sums that come and go with their import. Dimensions are named as in charges, so that one query asks either.
CREATE TABLE costs_by_service (
    import_no bigint NOT NULL,
    billing_month date NOT NULL,
    day date NOT NULL,
    charges bigint NOT NULL,
    billed_cost numeric,
    effective_cost numeric,
    list_cost numeric,
    contracted_cost numeric,
    billing_currency text NOT NULL,
    provider_name text,
    billing_account_id text,
    invoice_id text,
    service_name text,
    charge_category text NOT NULL,
    charge_class text
) PARTITION BY RANGE (billing_month, import_no);

CREATE TABLE costs_by_sub_account (
    import_no bigint NOT NULL,
    billing_month date NOT NULL,
    day date NOT NULL,
    charges bigint NOT NULL,
    billed_cost numeric,
    effective_cost numeric,
    list_cost numeric,
    contracted_cost numeric,
    billing_currency text NOT NULL,
    provider_name text,
    billing_account_id text,
    invoice_id text,
    service_name text,
    charge_category text NOT NULL,
    charge_class text,
    sub_account_id text
) PARTITION BY RANGE (billing_month, import_no);

CREATE TABLE costs_by_region (
    import_no bigint NOT NULL,
    billing_month date NOT NULL,
    day date NOT NULL,
    charges bigint NOT NULL,
    billed_cost numeric,
    effective_cost numeric,
    list_cost numeric,
    contracted_cost numeric,
    billing_currency text NOT NULL,
    provider_name text,
    billing_account_id text,
    invoice_id text,
    service_name text,
    charge_category text NOT NULL,
    charge_class text,
    region_id text
) PARTITION BY RANGE (billing_month, import_no);

-- What was stored before, import by import and month by month.
DO $$
DECLARE
    part record;
    month_of text := 'date_trunc(''month'', coalesce(billing_period_start + interval ''14 hours'', charge_period_start), ''UTC'')';
    suffix text;
    bound text;
    rollup record;
    target text;
BEGIN
    CREATE TEMPORARY TABLE parts ON COMMIT DROP AS
        SELECT coalesce(imports.no, 0) AS no, imports.id AS import_id,
            (date_trunc('month', coalesce(billing_period_start + interval '14 hours', charge_period_start), 'UTC') AT TIME ZONE 'UTC')::date AS month,
            count(*) AS charges, min(charge_period_start) AS first_start, max(charge_period_start) AS last_start
        FROM charges_before LEFT JOIN imports ON imports.id = charges_before.import_id GROUP BY 1, 2, 3;
    INSERT INTO import_months (import_no, billing_month, charges, first_charge_start, last_charge_start)
        SELECT no, month, charges, first_start, last_start FROM parts WHERE no > 0;
    INSERT INTO posted_months (billing_month) SELECT month FROM parts WHERE no = 0;
    FOR part IN SELECT * FROM parts LOOP
        suffix := part.no || '_' || to_char(part.month, 'YYYYMM');
        bound := format('billing_month = %L::date AND import_no = %s', part.month, part.no);
        EXECUTE format('CREATE TABLE charges_%s (LIKE charges INCLUDING DEFAULTS, CHECK (%s))', suffix, bound);
        EXECUTE format(
            'INSERT INTO charges_%s (id, import_no, billing_month, line, tags, extras, charge_period_start, charge_period_end, billing_period_start, billing_period_end, billed_cost, commitment_discount_quantity, consumed_quantity, contracted_cost, contracted_unit_price, effective_cost, list_cost, list_unit_price, pricing_currency_contracted_unit_price, pricing_currency_effective_cost, pricing_currency_list_unit_price, pricing_quantity, availability_zone, billing_account_id, billing_account_name, billing_account_type, billing_currency, capacity_reservation_id, capacity_reservation_status, charge_category, charge_class, charge_description, charge_frequency, commitment_discount_category, commitment_discount_id, commitment_discount_name, commitment_discount_status, commitment_discount_type, commitment_discount_unit, consumed_unit, host_provider_name, invoice_id, invoice_issuer_name, pricing_category, pricing_currency, pricing_unit, provider_name, publisher_name, region_id, region_name, resource_id, resource_name, resource_type, service_category, service_name, service_provider_name, service_subcategory, sku_id, sku_meter, sku_price_details, sku_price_id, sub_account_id, sub_account_name, sub_account_type)
             SELECT id, $1, $2, least(line, 2147483647), nullif(tags, ''{}''), nullif(extras, ''{}''), charge_period_start, charge_period_end, billing_period_start, billing_period_end, billed_cost, commitment_discount_quantity, consumed_quantity, contracted_cost, contracted_unit_price, effective_cost, list_cost, list_unit_price, pricing_currency_contracted_unit_price, pricing_currency_effective_cost, pricing_currency_list_unit_price, pricing_quantity, availability_zone, billing_account_id, billing_account_name, billing_account_type, billing_currency, capacity_reservation_id, capacity_reservation_status, charge_category, charge_class, charge_description, charge_frequency, commitment_discount_category, commitment_discount_id, commitment_discount_name, commitment_discount_status, commitment_discount_type, commitment_discount_unit, consumed_unit, host_provider_name, invoice_id, invoice_issuer_name, pricing_category, pricing_currency, pricing_unit, provider_name, publisher_name, region_id, region_name, resource_id, resource_name, resource_type, service_category, service_name, service_provider_name, service_subcategory, sku_id, sku_meter, sku_price_details, sku_price_id, sub_account_id, sub_account_name, sub_account_type
             FROM charges_before WHERE import_id IS NOT DISTINCT FROM $3 AND (%s AT TIME ZONE ''UTC'')::date = $2', suffix, month_of)
            USING part.no, part.month, part.import_id;
        EXECUTE format('ALTER TABLE charges ATTACH PARTITION charges_%s FOR VALUES FROM (%L, %s) TO (%L, %s)',
            suffix, part.month, part.no, part.month, part.no + 1);
        CONTINUE WHEN part.no = 0;
        FOR rollup IN SELECT * FROM (VALUES ('costs_by_service', ''), ('costs_by_sub_account', ', sub_account_id'), ('costs_by_region', ', region_id'))
            AS rollups (name, extra)
        LOOP
            target := rollup.name || '_' || suffix;
            EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS, CHECK (%s))', target, rollup.name, bound);
            EXECUTE format(
                'INSERT INTO %s (import_no, billing_month, day, billing_currency, provider_name, billing_account_id, invoice_id, service_name, charge_category, charge_class%s, charges, billed_cost, effective_cost, list_cost, contracted_cost)
                 SELECT import_no, billing_month, (charge_period_start AT TIME ZONE ''UTC'')::date, billing_currency, provider_name, billing_account_id, invoice_id, service_name, charge_category, charge_class%s,
                     count(*), sum(billed_cost), sum(effective_cost), sum(list_cost), sum(contracted_cost)
                 FROM charges_%s GROUP BY import_no, billing_month, 3, billing_currency, provider_name, billing_account_id, invoice_id, service_name, charge_category, charge_class%s', target, rollup.extra, rollup.extra, suffix, rollup.extra);
            EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L, %s) TO (%L, %s)',
                rollup.name, target, part.month, part.no, part.month, part.no + 1);
        END LOOP;
    END LOOP;
    INSERT INTO import_origins (import_no, billing_month, provider_name, billing_account_id, sub_account_id)
        SELECT DISTINCT import_no, billing_month, provider_name, billing_account_id, sub_account_id FROM costs_by_sub_account;
    INSERT INTO tag_spellings (folded, spelling, import_no)
        SELECT lower(key), key, min(import_no) FROM charges, jsonb_object_keys(tags) AS key
        WHERE lower(provider_name) IN ('microsoft', 'microsoft azure', 'azure') GROUP BY key;
END $$;
DROP TABLE charges_before;
