-- Purpose: a price by hand, as one more kind of correction: what a product costs on some days,
--          whatever the price lists say of them.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

ALTER TABLE ops.corrections
ADD COLUMN stock_code text,
ADD COLUMN first_day date,
ADD COLUMN last_day date,
ADD COLUMN unit_price numeric(12, 4);

ALTER TABLE ops.corrections
DROP CONSTRAINT corrections_kind_check,
ADD CONSTRAINT corrections_kind_check CHECK (kind IN ('country', 'discard', 'price')),
ADD CONSTRAINT corrections_price_check CHECK (
    num_nonnulls(stock_code, first_day, last_day, unit_price)
    = CASE kind WHEN 'price' THEN 4 ELSE 0 END
    AND unit_price >= 0
    AND first_day <= last_day
);

COMMENT ON COLUMN ops.corrections.kind IS 'country: what a name means; discard: a line in error that stays so; price: what a product costs on some days';
COMMENT ON COLUMN ops.corrections.subject IS 'The name, the error_id, or the product and its days';
COMMENT ON COLUMN ops.corrections.stock_code IS 'The product that the price is of';
COMMENT ON COLUMN ops.corrections.first_day IS 'The first day with the price';
COMMENT ON COLUMN ops.corrections.last_day IS 'The last day with the price';
COMMENT ON COLUMN ops.corrections.unit_price IS 'Price of one unit';
