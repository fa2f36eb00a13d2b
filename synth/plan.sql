-- One table for each kind of plan: what visits and money are made from, month by month.
-- Filled from files with the same columns; an end that is open is 9999-12-31.
CREATE TABLE slot (
    slot_no BIGINT, client_id VARCHAR, org_id VARCHAR, team INTEGER, service VARCHAR,
    shift VARCHAR, period INTEGER, desired_s INTEGER, dur_s INTEGER, weekdays INTEGER,
    valid_from DATE, valid_to DATE, double_staffed BOOLEAN, place INTEGER, x INTEGER, y INTEGER,
    building INTEGER, service_house BOOLEAN, tag_id VARCHAR, stays_with VARCHAR
);
CREATE TABLE post (
    post_no INTEGER, org_id VARCHAR, team INTEGER, kind VARCHAR, phase INTEGER,
    every_other INTEGER, contact BOOLEAN, person_id VARCHAR, login_id VARCHAR, valid_from DATE, valid_to DATE
);
CREATE TABLE away (client_id VARCHAR, since DATE, until DATE);
CREATE TABLE circle (
    client_id VARCHAR, org_id VARCHAR, leader_id VARCHAR, service VARCHAR, weekday INTEGER,
    valid_from DATE, valid_to DATE
);
CREATE TABLE lent (
    org_id VARCHAR, borrower_id VARCHAR, lender_id VARCHAR, login_id VARCHAR,
    since DATE, until DATE, percent INTEGER, own_name BOOLEAN
);
CREATE TABLE phone_change (org_id VARCHAR, person_id VARCHAR, since DATE, until DATE, back BOOLEAN);
CREATE TABLE quirk (org_id VARCHAR, person_id VARCHAR, cause VARCHAR);
CREATE TABLE meal (
    client_id VARCHAR, org_id VARCHAR, a_week INTEGER, valid_from DATE, valid_to DATE
);
CREATE TABLE payee (org_id VARCHAR, account VARCHAR, factoring BOOLEAN);
CREATE TABLE payer (org_id VARCHAR, account VARCHAR);
CREATE TABLE fee_account (
    client_id VARCHAR, payer_id VARCHAR, account VARCHAR, cap DECIMAL(18, 2)
);
CREATE TABLE wage_account (person_id VARCHAR, account VARCHAR);
CREATE TABLE rate (org_id VARCHAR, service VARCHAR, price DECIMAL(18, 2), valid_from DATE, valid_to DATE);
CREATE TABLE official (number INTEGER, person_id VARCHAR);
CREATE TABLE day (
    day DATE, day_no INTEGER, weekday INTEGER, turn_s INTEGER, turned_s INTEGER,
    offset_before VARCHAR, offset_after VARCHAR
);
