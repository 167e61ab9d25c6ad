-- Keys of the fact, while it has no month: the months bring the same ones, already checked.
ALTER TABLE fact_transactions
ADD PRIMARY KEY (transaction_id, invoice_date),
ADD FOREIGN KEY (product_sk) REFERENCES dim_products,
ADD FOREIGN KEY (customer_sk) REFERENCES dim_customers,
ADD FOREIGN KEY (country_sk) REFERENCES dim_countries,
ADD FOREIGN KEY (date_sk) REFERENCES dim_dates;

CREATE INDEX ON fact_transactions (product_sk);
CREATE INDEX ON fact_transactions (customer_sk) WHERE customer_sk <> -1;
