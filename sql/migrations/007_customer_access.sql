-- Purpose: a customer's own purchase history, by a token that this server signs.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)
-- Use:     SELECT ops.issue_purchase_token('17850', interval '1 hour');  as the loader, for the shop's site
--          SELECT * FROM purchase_history('<token>');                    as customer_reader

CREATE TABLE ops.signing_key (
    key_id integer PRIMARY KEY CHECK (key_id = 1),
    secret bytea NOT NULL CHECK (length(secret) = 64)
);

COMMENT ON TABLE ops.signing_key IS 'The key that signs purchase-history tokens; the owner alone may read it';
COMMENT ON COLUMN ops.signing_key.key_id IS 'Always 1';
COMMENT ON COLUMN ops.signing_key.secret IS '64 random bytes';

INSERT INTO ops.signing_key (key_id, secret)
SELECT
    1 AS key_id,
    sha256(decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'))
    || sha256(decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')) AS secret;

-- HMAC-SHA256 (RFC 2104) of a text; the embedded server has no pgcrypto.
CREATE FUNCTION ops.sign_text(p_text text) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_key bytea := (SELECT k.secret FROM ops.signing_key AS k);
    v_inner bytea := v_key;
    v_outer bytea := v_key;
BEGIN
    FOR i IN 0..63 LOOP
        v_inner := set_byte(v_inner, i, get_byte(v_key, i) # 54);
        v_outer := set_byte(v_outer, i, get_byte(v_key, i) # 92);
    END LOOP;
    RETURN sha256(v_outer || sha256(v_inner || convert_to(p_text, 'UTF8')));
END
$$;

COMMENT ON FUNCTION ops.sign_text IS 'HMAC-SHA256 of a text by the warehouse''s key';

CREATE FUNCTION ops.issue_purchase_token(p_customer_id text, p_lifetime interval DEFAULT interval '1 hour')
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_claim text := encode(convert_to(p_customer_id, 'UTF8'), 'hex')
    || '.' || extract(EPOCH FROM clock_timestamp() + p_lifetime)::bigint;
BEGIN
    RETURN v_claim || '.' || encode(ops.sign_text(v_claim), 'hex');
END
$$;

COMMENT ON FUNCTION ops.issue_purchase_token IS 'A token that opens one customer''s purchase history until it expires: hex(customer_id).expiry.hmac';

CREATE FUNCTION purchase_history(token text)
RETURNS TABLE (
    customer_id text,
    transaction_id text,
    invoice_date timestamptz,
    stock_code text,
    description text,
    quantity integer,
    unit_price numeric,
    total_amount numeric
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_parts text[] := string_to_array(token, '.');
    v_claim text := v_parts[1] || '.' || v_parts[2];
    v_customer text;
BEGIN
    -- Digests of both sides are compared, so that timing tells nothing of the signature.
    IF
        cardinality(v_parts) IS DISTINCT FROM 3
        OR sha256(convert_to(v_parts[3], 'UTF8'))
        IS DISTINCT FROM sha256(convert_to(encode(ops.sign_text(v_claim), 'hex'), 'UTF8'))
        OR v_parts[2]::bigint < extract(EPOCH FROM clock_timestamp())
    THEN
        RAISE EXCEPTION 'the token is not valid' USING ERRCODE = 'insufficient_privilege';
    END IF;
    v_customer := convert_from(decode(v_parts[1], 'hex'), 'UTF8');
    RETURN QUERY
    SELECT
        h.customer_id,
        h.transaction_id,
        h.invoice_date,
        h.stock_code,
        h.description,
        h.quantity,
        h.unit_price,
        h.total_amount
    FROM public.v_purchase_history AS h
    WHERE h.customer_id = v_customer
    ORDER BY h.invoice_date, h.transaction_id;
END
$$;

COMMENT ON FUNCTION purchase_history IS 'The purchase history of the customer for whom the token was issued';

REVOKE ALL ON FUNCTION ops.sign_text, ops.issue_purchase_token, purchase_history FROM PUBLIC;
