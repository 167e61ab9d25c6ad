-- Purpose: customers who were erased. They are known again by a keyed hash alone, so that what is
--          delivered of them later loads as guest lines. And corrections by hand, with who and why.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)
-- Use:     SELECT * FROM ops.erased_among('{17850,13047}');  which of these were erased

-- Not the key that signs tokens: that one may be replaced, this one never.
CREATE TABLE ops.erasure_key (
    key_id integer PRIMARY KEY CHECK (key_id = 1),
    secret bytea NOT NULL CHECK (length(secret) = 64)
);

COMMENT ON TABLE ops.erasure_key IS 'The key under which erased customers are hashed; the owner alone may read it';
COMMENT ON COLUMN ops.erasure_key.key_id IS 'Always 1';
COMMENT ON COLUMN ops.erasure_key.secret IS '64 random bytes; another key would forget who was erased';

INSERT INTO ops.erasure_key (key_id, secret)
SELECT
    1 AS key_id,
    sha256(decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'))
    || sha256(decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')) AS secret;

CREATE TABLE ops.erased_customers (
    customer_hash text PRIMARY KEY CHECK (customer_hash ~ '^[0-9a-f]{64}$'),
    erased_at timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL,
    why text NOT NULL CHECK (why <> ''),
    run_id bigint NOT NULL REFERENCES ops.runs
);

COMMENT ON TABLE ops.erased_customers IS 'One row a customer who was erased; their lines are guest lines, whenever they are delivered';
COMMENT ON COLUMN ops.erased_customers.customer_hash IS 'HMAC-SHA-256 of the customer_id by ops.erasure_key, in hex';
COMMENT ON COLUMN ops.erased_customers.erased_at IS 'When it was first asked for';
COMMENT ON COLUMN ops.erased_customers.who IS 'Who had it done';
COMMENT ON COLUMN ops.erased_customers.why IS 'For what reason';
COMMENT ON COLUMN ops.erased_customers.run_id IS 'The run that began it';

CREATE TABLE ops.redacted_files (
    file_sha256 text PRIMARY KEY CHECK (file_sha256 ~ '^[0-9a-f]{64}$'),
    original_sha256 text NOT NULL CHECK (original_sha256 ~ '^[0-9a-f]{64}$'),
    run_id bigint NOT NULL REFERENCES ops.runs,
    redacted_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX redacted_files_original ON ops.redacted_files (original_sha256);

COMMENT ON TABLE ops.redacted_files IS 'One row a transactions file in landing that was written anew without erased customers';
COMMENT ON COLUMN ops.redacted_files.file_sha256 IS 'SHA-256 of its bytes now';
COMMENT ON COLUMN ops.redacted_files.original_sha256 IS 'SHA-256 of its bytes as it was delivered; a file is known by either';
COMMENT ON COLUMN ops.redacted_files.run_id IS 'The run that wrote it anew';
COMMENT ON COLUMN ops.redacted_files.redacted_at IS 'When';

-- HMAC-SHA256 (RFC 2104), the pads computed once for all: a customer costs two digests.
CREATE FUNCTION ops.hash_customers(p_customer_ids text[])
RETURNS TABLE (
    customer_id text,
    customer_hash text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_key bytea := (SELECT k.secret FROM ops.erasure_key AS k);
    v_inner bytea := v_key;
    v_outer bytea := v_key;
BEGIN
    FOR i IN 0..63 LOOP
        v_inner := set_byte(v_inner, i, get_byte(v_key, i) # 54);
        v_outer := set_byte(v_outer, i, get_byte(v_key, i) # 92);
    END LOOP;
    RETURN QUERY
    SELECT
        c.customer_id,
        encode(sha256(v_outer || sha256(v_inner || convert_to(c.customer_id, 'UTF8'))), 'hex')
    FROM unnest(p_customer_ids) AS c (customer_id);
END
$$;

COMMENT ON FUNCTION ops.hash_customers IS 'Each customer''s hash by ops.erasure_key';

CREATE FUNCTION ops.erased_among(p_customer_ids text[]) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ops.erased_customers) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT h.customer_id
    FROM ops.hash_customers(p_customer_ids) AS h
    INNER JOIN ops.erased_customers AS e ON h.customer_hash = e.customer_hash;
END
$$;

COMMENT ON FUNCTION ops.erased_among IS 'Which of these customers were erased';

-- The key of a customer, as the load makes it.
CREATE FUNCTION ops.customer_key(p_customer_id text) RETURNS bigint
LANGUAGE sql IMMUTABLE
RETURN ('x0' || left(encode(sha256(convert_to(p_customer_id, 'UTF8')), 'hex'), 15))::bit(64)::bigint;

COMMENT ON FUNCTION ops.customer_key IS 'Surrogate key of a customer: first 15 hex digits of SHA-256(customer_id)';

CREATE FUNCTION ops.forget_customer(p_customer_id text, p_run_id bigint, OUT lines bigint, OUT customers bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    v_key bigint := ops.customer_key(p_customer_id);
BEGIN
    -- batch_id stays: the anomaly job may still have to score the line as its load's.
    WITH changed AS (
        UPDATE fact_transactions AS f
        SET customer_sk = -1
        WHERE f.customer_sk = v_key AND f.customer_sk <> -1
        RETURNING f.date_sk / 100 AS yyyymm
    ),

    moved AS (
        INSERT INTO ops.fact_months (month, batch_id)
        SELECT DISTINCT to_date(c.yyyymm::text, 'YYYYMM'), p_run_id FROM changed AS c
        ON CONFLICT (month) DO UPDATE SET batch_id = excluded.batch_id
    )

    SELECT count(*) INTO lines FROM changed;

    DELETE FROM ops.sales_by_buyer AS s
    WHERE s.customer_sk = v_key;

    DELETE FROM dim_customers AS d
    WHERE d.customer_id = p_customer_id;
    GET DIAGNOSTICS customers = ROW_COUNT;
END
$$;

COMMENT ON FUNCTION ops.forget_customer IS 'Makes a customer''s lines guest lines, in the caller''s transaction; how many, and whether there was a customer';

REVOKE ALL ON FUNCTION
ops.hash_customers, ops.erased_among, ops.customer_key, ops.forget_customer
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
ops.hash_customers, ops.erased_among, ops.customer_key, ops.forget_customer
TO warehouse_loader;
GRANT SELECT, INSERT ON ops.erased_customers, ops.redacted_files TO warehouse_loader;
GRANT SELECT ON ops.erased_customers, ops.redacted_files TO warehouse_analyst;

-- What a person put right, who and when: nothing of that ever changes, it can only be undone.
CREATE TABLE ops.corrections (
    correction_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('country', 'discard')),
    subject text NOT NULL CHECK (subject <> ''),
    country_id integer,
    who text NOT NULL,
    why text NOT NULL CHECK (why <> ''),
    made_at timestamptz NOT NULL DEFAULT now(),
    run_id bigint NOT NULL REFERENCES ops.runs,
    undone_at timestamptz,
    undone_by text,
    undone_why text,
    followed boolean NOT NULL DEFAULT FALSE,
    CHECK ((kind = 'country') = (country_id IS NOT NULL)),
    CHECK (num_nulls(undone_at, undone_by, undone_why) IN (0, 3))
);

CREATE UNIQUE INDEX corrections_in_force ON ops.corrections (kind, subject)
WHERE undone_at IS NULL;
CREATE INDEX corrections_to_follow ON ops.corrections (kind)
WHERE NOT followed;

COMMENT ON TABLE ops.corrections IS 'One row a correction by hand; of one subject at most one is in force';
COMMENT ON COLUMN ops.corrections.correction_id IS 'Number of the correction';
COMMENT ON COLUMN ops.corrections.kind IS 'country: a name that the shop writes for a country; discard: a line in error that will never be right';
COMMENT ON COLUMN ops.corrections.subject IS 'The name, or the error_id';
COMMENT ON COLUMN ops.corrections.country_id IS 'The country that the name means';
COMMENT ON COLUMN ops.corrections.who IS 'Who made it';
COMMENT ON COLUMN ops.corrections.why IS 'For what reason';
COMMENT ON COLUMN ops.corrections.made_at IS 'When';
COMMENT ON COLUMN ops.corrections.run_id IS 'The run that kept it';
COMMENT ON COLUMN ops.corrections.undone_at IS 'When it was undone; null while it is in force';
COMMENT ON COLUMN ops.corrections.undone_by IS 'Who undid it';
COMMENT ON COLUMN ops.corrections.undone_why IS 'For what reason';
COMMENT ON COLUMN ops.corrections.followed IS 'Whether the lines in gold follow it, made or undone; else the next load sees to that';

GRANT SELECT, INSERT, UPDATE (undone_at, undone_by, undone_why, followed) ON ops.corrections TO warehouse_loader;
GRANT SELECT ON ops.corrections TO warehouse_analyst;
