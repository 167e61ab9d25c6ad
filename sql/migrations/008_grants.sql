-- Purpose: what each role may do. Everything not granted here is refused.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

REVOKE ALL ON SCHEMA public, ops, staging FROM PUBLIC;

-- loader: the jobs
GRANT USAGE ON SCHEMA public, ops TO warehouse_loader;
GRANT USAGE, CREATE ON SCHEMA staging TO warehouse_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON
fact_transactions, dim_products, dim_customers, dim_countries, dim_dates,
transactions_error, anomaly_baselines, anomalies
TO warehouse_loader;
-- plans within a load rest on what it has just written
GRANT MAINTAIN ON dim_products, dim_customers, anomaly_baselines, anomalies TO warehouse_loader; -- noqa: PRS
GRANT SELECT ON anomaly_history TO warehouse_loader;
GRANT SELECT, INSERT, UPDATE ON
ops.runs, ops.checks, ops.loaded_files, ops.rejected_rows, ops.watermarks, ops.fact_months
TO warehouse_loader;
GRANT SELECT, INSERT, DELETE ON ops.sales_changes TO warehouse_loader;
GRANT SELECT, UPDATE ON ops.mail_outbox TO warehouse_loader;
GRANT SELECT ON ops.mail_findings, ops.v_runs TO warehouse_loader;
GRANT EXECUTE ON FUNCTION
ops.fact_month_name, ops.create_fact_month, ops.attach_fact_month, ops.drop_run_staging,
ops.add_finding, ops.issue_purchase_token
TO warehouse_loader;
GRANT SELECT ON
v_top_buyers_by_region, v_sales_by_category, v_revenue_by_month, v_price_history,
v_purchase_history, v_transaction_status, v_anomaly_coverage
TO warehouse_loader;

-- analyst: reads all, sets only an anomaly's status and notes
GRANT USAGE ON SCHEMA public, ops TO warehouse_analyst;
GRANT SELECT ON
fact_transactions, dim_products, dim_customers, dim_countries, dim_dates,
transactions_error, anomaly_baselines, anomalies, anomaly_history,
v_top_buyers_by_region, v_sales_by_category, v_revenue_by_month, v_price_history,
v_purchase_history, v_transaction_status, v_anomaly_coverage,
ops.runs, ops.v_runs, ops.checks, ops.loaded_files, ops.rejected_rows, ops.fact_months,
ops.watermarks, ops.sales_changes, ops.mail_outbox, ops.mail_findings
TO warehouse_analyst;
GRANT UPDATE (status, investigator_notes) ON anomalies TO warehouse_analyst;

-- reader: Tableau's live connection
GRANT USAGE ON SCHEMA public, ops TO warehouse_reader;
GRANT SELECT ON
fact_transactions, dim_products, dim_customers, dim_countries, dim_dates,
transactions_error, anomaly_baselines, anomalies, anomaly_history,
v_top_buyers_by_region, v_sales_by_category, v_revenue_by_month, v_price_history,
v_purchase_history, v_transaction_status, v_anomaly_coverage,
ops.runs, ops.v_runs, ops.checks, ops.loaded_files, ops.rejected_rows, ops.fact_months
TO warehouse_reader;

-- customer_reader: one function
GRANT USAGE ON SCHEMA public TO customer_reader;
GRANT EXECUTE ON FUNCTION purchase_history TO customer_reader;
