-- Purpose: the outbox: what the stewards are to be told, written with what was found.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

CREATE TABLE ops.mail_outbox (
    mail_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id text NOT NULL UNIQUE,
    status text NOT NULL DEFAULT 'PENDING'
    CHECK (status IN ('PENDING', 'SENDING', 'SENT')),
    created_at timestamptz NOT NULL DEFAULT now(),
    claimed_at timestamptz,
    sent_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    last_error text
);

-- Findings gather in the one mail that nobody has begun to send.
CREATE UNIQUE INDEX mail_outbox_one_pending ON ops.mail_outbox (status)
WHERE status = 'PENDING';

COMMENT ON TABLE ops.mail_outbox IS 'One row a mail; at most one is PENDING and gathers findings';
COMMENT ON COLUMN ops.mail_outbox.mail_id IS 'Number of the mail';
COMMENT ON COLUMN ops.mail_outbox.message_id IS 'Its Message-ID, the same however often it is tried';
COMMENT ON COLUMN ops.mail_outbox.status IS 'PENDING, SENDING (begun; tried again until the server took it) or SENT';
COMMENT ON COLUMN ops.mail_outbox.created_at IS 'When the first finding was put in';
COMMENT ON COLUMN ops.mail_outbox.claimed_at IS 'When sending was begun';
COMMENT ON COLUMN ops.mail_outbox.sent_at IS 'When the server took it';
COMMENT ON COLUMN ops.mail_outbox.attempts IS 'How often it was tried';
COMMENT ON COLUMN ops.mail_outbox.last_error IS 'What went wrong the last time';

CREATE TABLE ops.mail_findings (
    mail_id bigint NOT NULL REFERENCES ops.mail_outbox,
    kind text NOT NULL CHECK (kind IN ('anomalies', 'errors')),
    batch_id bigint NOT NULL REFERENCES ops.runs,
    found integer NOT NULL CHECK (found > 0),
    PRIMARY KEY (mail_id, kind, batch_id)
);

CREATE INDEX mail_findings_batch ON ops.mail_findings (batch_id);

COMMENT ON TABLE ops.mail_findings IS 'One row a mail, kind and run: what the mail tells of';
COMMENT ON COLUMN ops.mail_findings.mail_id IS 'The mail';
COMMENT ON COLUMN ops.mail_findings.kind IS 'anomalies or errors';
COMMENT ON COLUMN ops.mail_findings.batch_id IS 'The run that found them';
COMMENT ON COLUMN ops.mail_findings.found IS 'How many were found';

CREATE FUNCTION ops.add_finding(p_kind text, p_batch_id bigint, p_found integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_mail_id bigint;
BEGIN
    INSERT INTO ops.mail_outbox AS o (message_id)
    VALUES ('<' || gen_random_uuid() || '@ecommerce-warehouse>')
    ON CONFLICT (status) WHERE status = 'PENDING'
    DO UPDATE SET status = o.status
    RETURNING o.mail_id INTO v_mail_id;
    INSERT INTO ops.mail_findings (mail_id, kind, batch_id, found)
    VALUES (v_mail_id, p_kind, p_batch_id, p_found)
    ON CONFLICT (mail_id, kind, batch_id) DO UPDATE SET found = excluded.found;
    RETURN v_mail_id;
END
$$;

COMMENT ON FUNCTION ops.add_finding IS 'Puts a finding into the pending mail, in the caller''s transaction; returns its mail_id';
REVOKE ALL ON FUNCTION ops.add_finding FROM PUBLIC;
