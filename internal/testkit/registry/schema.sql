-- The part of OpenG2P's schema on Odoo 17 that the demonstration uses: names,
-- types, constraints and indexes are the real ones, columns are fewer.
CREATE TABLE res_partner (
    id serial PRIMARY KEY,
    name varchar,
    complete_name varchar,
    family_name varchar,
    given_name varchar,
    email varchar,
    phone varchar,
    birthdate date,
    gender varchar,
    address text,
    income double precision,
    additional_g2p_info jsonb,
    is_registrant boolean,
    is_group boolean,
    active boolean DEFAULT true,
    type varchar DEFAULT 'contact',
    registration_date date,
    create_date timestamp,
    CONSTRAINT res_partner_check_name CHECK (type = 'contact' AND name IS NOT NULL OR type <> 'contact')
);
CREATE INDEX res_partner__name_index ON res_partner (name);
CREATE INDEX res_partner__complete_name_index ON res_partner (complete_name);
CREATE INDEX res_partner__phone_index ON res_partner (phone);

CREATE TABLE g2p_id_type (id serial PRIMARY KEY, name varchar NOT NULL);
INSERT INTO g2p_id_type (name) VALUES ('National ID'), ('Passport');

CREATE TABLE g2p_reg_id (
    id serial PRIMARY KEY,
    partner_id int NOT NULL REFERENCES res_partner ON DELETE RESTRICT,
    id_type int NOT NULL REFERENCES g2p_id_type,
    value varchar(100),
    status varchar,
    expiry_date date
);

CREATE TABLE g2p_phone_number (
    id serial PRIMARY KEY,
    partner_id int NOT NULL REFERENCES res_partner,
    phone_no varchar NOT NULL,
    phone_sanitized varchar,
    date_collected date,
    disabled timestamp
);

CREATE TABLE res_partner_bank (
    id serial PRIMARY KEY,
    partner_id int NOT NULL REFERENCES res_partner,
    acc_number varchar NOT NULL,
    sanitized_acc_number varchar,
    acc_holder_name varchar,
    active boolean DEFAULT true,
    CONSTRAINT res_partner_bank_unique_number UNIQUE (sanitized_acc_number, partner_id)
);

CREATE TABLE g2p_group_membership (
    id serial PRIMARY KEY,
    "group" int NOT NULL REFERENCES res_partner,
    individual int NOT NULL REFERENCES res_partner,
    is_ended boolean,
    start_date timestamp
);

-- A voucher.
CREATE TABLE g2p_entitlement (
    id serial PRIMARY KEY,
    partner_id int NOT NULL REFERENCES res_partner,
    cycle_id int NOT NULL,
    code varchar NOT NULL CONSTRAINT g2p_entitlement_unique_entitlement_code UNIQUE,
    ern varchar,
    state varchar,
    initial_amount numeric NOT NULL,
    valid_until date
);
