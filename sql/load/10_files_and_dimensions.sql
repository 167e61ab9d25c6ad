-- Purpose: the files this load takes, and the dimensions that its lines point to.
-- Run by:  jobs/gold/merge.py, first of the load's one transaction
-- Reads:   staged_lines, staged_files (always); staged_products, staged_countries (empty when unchanged)
-- Parameters: batch_id

INSERT INTO ops.loaded_files (file_sha256, file_key, source_file, window_start, line_count, batch_id)
SELECT
    s.file_sha256,
    s.file_key,
    s.source_file,
    s.window_start,
    s.line_count,
    %(batch_id)s AS batch_id
FROM staged_files AS s;

INSERT INTO dim_countries AS d (country_sk, country_id, country, iso_code, region, sub_region)
SELECT
    s.country_id AS country_sk,
    s.country_id,
    s.country,
    s.iso_code,
    s.region,
    s.sub_region
FROM staged_countries AS s
ON CONFLICT (country_sk) DO UPDATE SET
    country = excluded.country,
    iso_code = excluded.iso_code,
    region = excluded.region,
    sub_region = excluded.sub_region
WHERE (d.country, d.iso_code, d.region, d.sub_region)
IS DISTINCT FROM (excluded.country, excluded.iso_code, excluded.region, excluded.sub_region);

-- Versions that are no more go last (40), when no line points to them.
UPDATE dim_products AS d
SET
    description = s.description,
    category = s.category,
    unit_price = s.unit_price,
    end_date = s.end_date,
    is_current = s.is_current,
    withdrawn = s.withdrawn
FROM staged_products AS s
WHERE
    d.product_sk = s.product_sk
    AND d.stock_code = s.stock_code
    AND d.effective_date = s.effective_date
    AND (d.description, d.category, d.unit_price, d.end_date, d.withdrawn)
    IS DISTINCT FROM (s.description, s.category, s.unit_price, s.end_date, s.withdrawn);

-- No ON CONFLICT: two versions with one key are a collision, and must fail.
INSERT INTO dim_products (
    product_sk, stock_code, description, category, unit_price,
    effective_date, end_date, is_current, withdrawn
)
SELECT
    s.product_sk,
    s.stock_code,
    s.description,
    s.category,
    s.unit_price,
    s.effective_date,
    s.end_date,
    s.is_current,
    s.withdrawn
FROM staged_products AS s
WHERE
    NOT EXISTS (
        SELECT 1 FROM dim_products AS d
        WHERE d.stock_code = s.stock_code AND d.effective_date = s.effective_date
    );
