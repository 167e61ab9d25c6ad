-- Product versions from the daily lists, countries from the earliest file, customers, prices.
CREATE TABLE lists AS
SELECT
    upper(trim(stock_code)) AS stock_code,
    nullif(trim(description), '') AS description,
    nullif(trim(category), '') AS category,
    try_cast(trim(unit_price) AS DECIMAL(12, 4)) AS unit_price,
    strptime(parse_filename(filename), 'products_%Y%m%d.csv')::DATE AS day
FROM read_csv(
    getvariable('landing') || '/products/*.csv', filename = true,
    auto_detect = false, header = true, delim = ',', quote = '"', escape = '"',
    columns = {
        'stock_code': 'VARCHAR', 'description': 'VARCHAR', 'category': 'VARCHAR',
        'unit_price': 'VARCHAR'
    }
);

CREATE TABLE starts AS
WITH listed AS (
    SELECT rowid AS n, stock_code, day, hash(description, category, unit_price) AS attributes
    FROM lists
    WHERE stock_code <> '' AND unit_price >= 0
),

last_of_day AS (
    SELECT * FROM listed
    QUALIFY lead(day) OVER (PARTITION BY stock_code ORDER BY day, n) IS DISTINCT FROM day
)
SELECT n FROM last_of_day
QUALIFY lag(attributes) OVER (PARTITION BY stock_code ORDER BY day) IS DISTINCT FROM attributes;

CREATE TABLE dim_products AS
SELECT
    ('0x' || sha256(l.stock_code || '|' || l.day)[:15])::BIGINT AS product_sk,
    l.stock_code,
    l.description,
    l.category,
    l.unit_price,
    l.day AS effective_date,
    lead(l.day) OVER (PARTITION BY l.stock_code ORDER BY l.day) AS end_date,
    end_date IS NULL AS is_current,
    false AS withdrawn
FROM lists AS l
WHERE l.rowid IN (SELECT n FROM starts);

CREATE TABLE dim_countries AS
WITH listed AS (
    SELECT
        try_cast(trim(country_id) AS INTEGER) AS country_id,
        trim(country) AS country,
        nullif(trim(iso_code), '') AS iso_code,
        nullif(trim(region), '') AS region,
        nullif(trim(sub_region), '') AS sub_region,
        strptime(parse_filename(filename), 'countries_%Y%m%d.csv')::DATE AS day
    FROM read_csv(
        getvariable('landing') || '/countries/*.csv', all_varchar = true, header = true,
        delim = ',', quote = '"', filename = true
    )
),

first_listed AS (
    SELECT * FROM listed
    WHERE country_id > 0 AND country <> ''
    QUALIFY row_number() OVER (PARTITION BY country_id ORDER BY day) = 1
)

SELECT country_id AS country_sk, country_id, country, iso_code, region, sub_region
FROM first_listed
QUALIFY row_number() OVER (PARTITION BY country ORDER BY day, country_id) = 1;
