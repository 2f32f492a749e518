-- Tables of a real Odoo 17 with OpenG2P modules that hold personal data: columns,
-- indexes and CHECK constraints as \d shows them, without foreign keys and sequences.
CREATE TABLE res_partner (
	"id" integer NOT NULL,
	"company_id" integer NOT NULL,
	"create_date" timestamp without time zone,
	"name" character varying,
	"title" integer,
	"parent_id" integer,
	"user_id" integer,
	"state_id" integer,
	"country_id" integer,
	"industry_id" integer,
	"color" integer,
	"commercial_partner_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"complete_name" character varying,
	"ref" character varying,
	"lang" character varying,
	"tz" character varying,
	"vat" character varying,
	"company_registry" character varying,
	"website" character varying,
	"function" character varying,
	"type" character varying,
	"street" character varying,
	"street2" character varying,
	"zip" character varying,
	"city" character varying,
	"email" character varying,
	"phone" character varying,
	"mobile" character varying,
	"commercial_company_name" character varying,
	"company_name" character varying,
	"date" date,
	"comment" text,
	"partner_latitude" numeric,
	"partner_longitude" numeric,
	"active" boolean,
	"employee" boolean,
	"is_company" boolean,
	"partner_share" boolean,
	"write_date" timestamp without time zone,
	"message_bounce" integer,
	"email_normalized" character varying,
	"signup_type" character varying,
	"signup_expiration" timestamp without time zone,
	"signup_token" character varying,
	"partner_gid" integer,
	"additional_info" character varying,
	"phone_sanitized" character varying,
	"disabled_by" integer,
	"district" integer,
	"civil_status" character varying,
	"occupation" character varying,
	"registration_date" date,
	"address" text,
	"disabled_reason" text,
	"is_registrant" boolean,
	"is_group" boolean,
	"disabled" timestamp without time zone,
	"income" double precision,
	"kind" integer,
	"is_partial_group" boolean,
	"family_name" character varying,
	"given_name" character varying,
	"addl_name" character varying,
	"birth_place" character varying,
	"gender" character varying,
	"birthdate" date,
	"birthdate_not_exact" boolean,
	"is_encrypted" boolean,
	"encrypted_val" bytea,
	"z_ind_grp_num_individuals" integer,
	"force_recompute_canary" timestamp without time zone,
	"is_duplicated" boolean,
	"calendar_last_notif_ack" timestamp without time zone,
	"supplier_rank" integer,
	"customer_rank" integer,
	"invoice_warn" character varying,
	"invoice_warn_msg" text,
	"debit_limit" numeric,
	"last_time_entries_checked" timestamp without time zone,
	"ubl_cii_format" character varying,
	"peppol_endpoint" character varying,
	"peppol_eas" character varying,
	"additional_g2p_info" jsonb,
	"program_membership_count" integer,
	"entitlements_count" integer,
	"cycles_count" integer
);
ALTER TABLE res_partner ADD CONSTRAINT "res_partner_pkey" PRIMARY KEY (id);
CREATE INDEX "res_partner__commercial_partner_id_index" ON res_partner USING btree (commercial_partner_id);
CREATE INDEX "res_partner__company_id_index" ON res_partner USING btree (company_id);
CREATE INDEX "res_partner__complete_name_index" ON res_partner USING btree (complete_name);
CREATE INDEX "res_partner__date_index" ON res_partner USING btree (date);
CREATE INDEX "res_partner__name_index" ON res_partner USING btree (name);
CREATE INDEX "res_partner__parent_id_index" ON res_partner USING btree (parent_id);
CREATE INDEX "res_partner__ref_index" ON res_partner USING btree (ref);
CREATE INDEX "res_partner__vat_index" ON res_partner USING btree (vat);
CREATE INDEX "res_partner_mobile_partial_gin_idx" ON res_partner USING gin (regexp_replace(mobile::text, '[\s\\./\(\)\-]'::text, ''::text, 'g'::text) gin_trgm_ops) WHERE mobile IS NOT NULL;
CREATE INDEX "res_partner_mobile_partial_tgm" ON res_partner USING btree (regexp_replace(mobile::text, '[\s\\./\(\)\-]'::text, ''::text, 'g'::text)) WHERE mobile IS NOT NULL;
CREATE INDEX "res_partner_phone_partial_gin_idx" ON res_partner USING gin (regexp_replace(phone::text, '[\s\\./\(\)\-]'::text, ''::text, 'g'::text) gin_trgm_ops) WHERE phone IS NOT NULL;
CREATE INDEX "res_partner_phone_partial_tgm" ON res_partner USING btree (regexp_replace(phone::text, '[\s\\./\(\)\-]'::text, ''::text, 'g'::text)) WHERE phone IS NOT NULL;
ALTER TABLE res_partner ADD CONSTRAINT "res_partner_check_name" CHECK (type::text = 'contact'::text AND name IS NOT NULL OR type::text <> 'contact'::text);
CREATE TABLE g2p_reg_id (
	"id" integer NOT NULL,
	"partner_id" integer NOT NULL,
	"id_type" integer NOT NULL,
	"create_uid" integer,
	"write_uid" integer,
	"value" character varying(100),
	"status" character varying,
	"description" character varying,
	"expiry_date" date,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE g2p_reg_id ADD CONSTRAINT "g2p_reg_id_pkey" PRIMARY KEY (id);
CREATE TABLE g2p_phone_number (
	"id" integer NOT NULL,
	"partner_id" integer NOT NULL,
	"disabled_by" integer,
	"country_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"phone_no" character varying NOT NULL,
	"phone_sanitized" character varying,
	"date_collected" date,
	"disabled" timestamp without time zone,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE g2p_phone_number ADD CONSTRAINT "g2p_phone_number_pkey" PRIMARY KEY (id);
CREATE TABLE res_partner_bank (
	"id" integer NOT NULL,
	"partner_id" integer NOT NULL,
	"bank_id" integer,
	"sequence" integer,
	"currency_id" integer,
	"company_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"acc_number" character varying NOT NULL,
	"sanitized_acc_number" character varying,
	"acc_holder_name" character varying,
	"active" boolean,
	"allow_out_payment" boolean,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone,
	"has_iban_warning" boolean,
	"has_money_transfer_warning" boolean
);
ALTER TABLE res_partner_bank ADD CONSTRAINT "res_partner_bank_pkey" PRIMARY KEY (id);
CREATE INDEX "res_partner_bank__partner_id_index" ON res_partner_bank USING btree (partner_id);
ALTER TABLE res_partner_bank ADD CONSTRAINT "res_partner_bank_unique_number" UNIQUE (sanitized_acc_number, partner_id);
CREATE TABLE g2p_group_membership (
	"id" integer NOT NULL,
	"group" integer NOT NULL,
	"individual" integer NOT NULL,
	"create_uid" integer,
	"write_uid" integer,
	"status" character varying,
	"is_ended" boolean,
	"start_date" timestamp without time zone,
	"ended_date" timestamp without time zone,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE g2p_group_membership ADD CONSTRAINT "g2p_group_membership_pkey" PRIMARY KEY (id);
CREATE TABLE g2p_reg_rel (
	"id" integer NOT NULL,
	"source" integer NOT NULL,
	"destination" integer NOT NULL,
	"relation" integer,
	"disabled_by" integer,
	"create_uid" integer,
	"write_uid" integer,
	"disabled" timestamp without time zone,
	"start_date" timestamp without time zone,
	"end_date" timestamp without time zone,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE g2p_reg_rel ADD CONSTRAINT "g2p_reg_rel_pkey" PRIMARY KEY (id);
CREATE TABLE g2p_program (
	"id" integer NOT NULL,
	"company_id" integer,
	"journal_id" integer,
	"cycles_count" integer,
	"create_uid" integer,
	"write_uid" integer,
	"name" character varying NOT NULL,
	"target_type" character varying,
	"reconciliation_managers" character varying,
	"state" character varying,
	"locked_reason" character varying,
	"date_ended" date,
	"description" text,
	"have_members" boolean,
	"active" boolean,
	"locked" boolean,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone,
	"supporting_documents_store" integer
);
ALTER TABLE g2p_program ADD CONSTRAINT "g2p_program_pkey" PRIMARY KEY (id);
CREATE TABLE g2p_program_membership (
	"id" integer NOT NULL,
	"partner_id" integer NOT NULL,
	"program_id" integer NOT NULL,
	"create_uid" integer,
	"write_uid" integer,
	"state" character varying,
	"delivery_mechanism_value" character varying,
	"deduplication_status" character varying,
	"last_deduplication" date,
	"exit_date" date,
	"enrollment_date" timestamp without time zone,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE g2p_program_membership ADD CONSTRAINT "g2p_program_membership_pkey" PRIMARY KEY (id);
ALTER TABLE g2p_program_membership ADD CONSTRAINT "g2p_program_membership_program_membership_unique" UNIQUE (partner_id, program_id);
CREATE TABLE g2p_cycle (
	"id" integer NOT NULL,
	"company_id" integer,
	"program_id" integer NOT NULL,
	"sequence" integer NOT NULL,
	"currency_id" integer,
	"approved_by" integer,
	"create_uid" integer,
	"write_uid" integer,
	"name" character varying NOT NULL,
	"state" character varying,
	"locked_reason" character varying,
	"start_date" date NOT NULL,
	"end_date" date NOT NULL,
	"auto_approve_entitlements" boolean,
	"locked" boolean,
	"approved_date" timestamp without time zone,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE g2p_cycle ADD CONSTRAINT "g2p_cycle_pkey" PRIMARY KEY (id);
ALTER TABLE g2p_cycle ADD CONSTRAINT "g2p_cycle_unique_cycle_name_program" UNIQUE (name, program_id);
CREATE TABLE g2p_cycle_membership (
	"id" integer NOT NULL,
	"partner_id" integer NOT NULL,
	"cycle_id" integer NOT NULL,
	"create_uid" integer,
	"write_uid" integer,
	"state" character varying,
	"enrollment_date" date,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE g2p_cycle_membership ADD CONSTRAINT "g2p_cycle_membership_pkey" PRIMARY KEY (id);
CREATE INDEX "g2p_cycle_membership__cycle_id_index" ON g2p_cycle_membership USING btree (cycle_id);
CREATE INDEX "g2p_cycle_membership__partner_id_index" ON g2p_cycle_membership USING btree (partner_id);
ALTER TABLE g2p_cycle_membership ADD CONSTRAINT "g2p_cycle_membership_cycle_membership_unique" UNIQUE (partner_id, cycle_id);
CREATE TABLE g2p_entitlement (
	"id" integer NOT NULL,
	"partner_id" integer NOT NULL,
	"company_id" integer,
	"cycle_id" integer NOT NULL,
	"journal_id" integer,
	"disbursement_id" integer,
	"service_fee_disbursement_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"code" character varying NOT NULL,
	"ern" character varying,
	"state" character varying,
	"valid_from" date,
	"valid_until" date,
	"date_approved" date,
	"initial_amount" numeric NOT NULL,
	"transfer_fee" numeric,
	"is_cash_entitlement" boolean,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone,
	"voucher_document_id" integer
);
ALTER TABLE g2p_entitlement ADD CONSTRAINT "g2p_entitlement_pkey" PRIMARY KEY (id);
ALTER TABLE g2p_entitlement ADD CONSTRAINT "g2p_entitlement_unique_entitlement_code" UNIQUE (code);
CREATE TABLE g2p_payment (
	"id" integer NOT NULL,
	"entitlement_id" integer NOT NULL,
	"cycle_id" integer,
	"batch_id" integer,
	"journal_id" integer,
	"company_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"name" character varying,
	"state" character varying NOT NULL,
	"status" character varying,
	"account_number" character varying,
	"amount_issued" numeric NOT NULL,
	"amount_paid" numeric,
	"payment_fee" numeric,
	"status_is_final" boolean,
	"status_datetime" timestamp without time zone,
	"issuance_date" timestamp without time zone,
	"payment_datetime" timestamp without time zone,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE g2p_payment ADD CONSTRAINT "g2p_payment_pkey" PRIMARY KEY (id);
CREATE TABLE g2p_payment_batch (
	"id" integer NOT NULL,
	"cycle_id" integer,
	"stats_issued_transactions" integer,
	"stats_sent_transactions" integer,
	"stats_paid_transactions" integer,
	"stats_failed_transactions" integer,
	"tag_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"name" character varying,
	"external_batch_ref" character varying,
	"batch_has_started" boolean,
	"batch_has_completed" boolean,
	"stats_datetime" timestamp without time zone,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone,
	"stats_issued_amount" double precision,
	"stats_sent_amount" double precision,
	"stats_paid_amount" double precision,
	"stats_failed_amount" double precision
);
ALTER TABLE g2p_payment_batch ADD CONSTRAINT "g2p_payment_batch_pkey" PRIMARY KEY (id);
CREATE TABLE g2p_payment_file_qrcode (
	"id" integer NOT NULL,
	"qrcode_config_id" integer,
	"payment_batch_id" integer,
	"payment_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"data" character varying,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone,
	"entitlement_id" integer
);
ALTER TABLE g2p_payment_file_qrcode ADD CONSTRAINT "g2p_payment_file_qrcode_pkey" PRIMARY KEY (id);
CREATE TABLE g2p_payment_file_qrcode_config (
	"id" integer NOT NULL,
	"qrcode_version" integer,
	"qrcode_box_size" integer,
	"qrcode_border" integer,
	"payment_config_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"name" character varying NOT NULL,
	"type" character varying,
	"data_type" character varying,
	"qrcode_error_correct" character varying,
	"body_string" character varying,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE g2p_payment_file_qrcode_config ADD CONSTRAINT "g2p_payment_file_qrcode_config_pkey" PRIMARY KEY (id);
CREATE TABLE g2p_payment_file_config (
	"id" integer NOT NULL,
	"create_uid" integer,
	"write_uid" integer,
	"name" character varying,
	"type" character varying,
	"body_string" text,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE g2p_payment_file_config ADD CONSTRAINT "g2p_payment_file_config_pkey" PRIMARY KEY (id);
CREATE TABLE g2p_encryption_provider (
	"id" integer NOT NULL,
	"create_uid" integer,
	"write_uid" integer,
	"name" character varying NOT NULL,
	"type" character varying,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone,
	"keymanager_api_timeout" integer,
	"keymanager_api_base_url" character varying,
	"keymanager_auth_url" character varying,
	"keymanager_auth_client_id" character varying,
	"keymanager_auth_client_secret" character varying,
	"keymanager_auth_grant_type" character varying,
	"keymanager_access_token" character varying,
	"keymanager_encrypt_application_id" character varying,
	"keymanager_encrypt_reference_id" character varying,
	"keymanager_sign_application_id" character varying,
	"keymanager_sign_reference_id" character varying,
	"keymanager_encrypt_salt" character varying,
	"keymanager_encrypt_aad" character varying,
	"keymanager_access_token_expiry" timestamp without time zone,
	"registry_enc_field_placeholder" character varying,
	"registry_fields_to_enc" text
);
ALTER TABLE g2p_encryption_provider ADD CONSTRAINT "g2p_encryption_provider_pkey" PRIMARY KEY (id);
CREATE TABLE storage_file (
	"id" integer NOT NULL,
	"backend_id" integer NOT NULL,
	"file_size" integer,
	"company_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"name" character varying NOT NULL,
	"slug" character varying,
	"relative_path" character varying,
	"human_file_size" character varying,
	"checksum" character varying(40),
	"filename" character varying,
	"extension" character varying,
	"mimetype" character varying,
	"file_type" character varying,
	"to_delete" boolean,
	"active" boolean,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone,
	"registrant_id" integer,
	"program_membership_id" integer,
	"entitlement_id" integer
);
ALTER TABLE storage_file ADD CONSTRAINT "storage_file_pkey" PRIMARY KEY (id);
CREATE INDEX "storage_file__backend_id_index" ON storage_file USING btree (backend_id);
CREATE INDEX "storage_file__checksum_index" ON storage_file USING btree (checksum);
CREATE INDEX "storage_file__name_index" ON storage_file USING btree (name);
ALTER TABLE storage_file ADD CONSTRAINT "storage_file_path_uniq" UNIQUE (relative_path, backend_id);
CREATE TABLE storage_backend (
	"id" integer NOT NULL,
	"create_uid" integer,
	"write_uid" integer,
	"name" character varying NOT NULL,
	"server_env_defaults" text,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone,
	"base_url_for_files" character varying,
	"is_public" boolean,
	"backend_view_use_internal_url" boolean
);
ALTER TABLE storage_backend ADD CONSTRAINT "storage_backend_pkey" PRIMARY KEY (id);
CREATE TABLE mail_tracking_value (
	"id" integer NOT NULL,
	"field_id" integer,
	"old_value_integer" integer,
	"new_value_integer" integer,
	"currency_id" integer,
	"mail_message_id" integer NOT NULL,
	"create_uid" integer,
	"write_uid" integer,
	"old_value_char" character varying,
	"new_value_char" character varying,
	"field_info" jsonb,
	"old_value_text" text,
	"new_value_text" text,
	"old_value_datetime" timestamp without time zone,
	"new_value_datetime" timestamp without time zone,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone,
	"old_value_float" double precision,
	"new_value_float" double precision
);
ALTER TABLE mail_tracking_value ADD CONSTRAINT "mail_tracking_value_pkey" PRIMARY KEY (id);
CREATE INDEX "mail_tracking_value__field_id_index" ON mail_tracking_value USING btree (field_id);
CREATE INDEX "mail_tracking_value__mail_message_id_index" ON mail_tracking_value USING btree (mail_message_id);
CREATE TABLE mail_message (
	"id" integer NOT NULL,
	"parent_id" integer,
	"res_id" integer,
	"record_alias_domain_id" integer,
	"record_company_id" integer,
	"subtype_id" integer,
	"mail_activity_type_id" integer,
	"author_id" integer,
	"author_guest_id" integer,
	"mail_server_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"subject" character varying,
	"model" character varying,
	"record_name" character varying,
	"message_type" character varying NOT NULL,
	"email_from" character varying,
	"message_id" character varying,
	"reply_to" character varying,
	"email_layout_xmlid" character varying,
	"body" text,
	"is_internal" boolean,
	"reply_to_force_new" boolean,
	"email_add_signature" boolean,
	"date" timestamp without time zone,
	"pinned_at" timestamp without time zone,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE mail_message ADD CONSTRAINT "mail_message_pkey" PRIMARY KEY (id);
CREATE INDEX "mail_message__author_id_index" ON mail_message USING btree (author_id);
CREATE INDEX "mail_message__mail_activity_type_id_index" ON mail_message USING btree (mail_activity_type_id) WHERE mail_activity_type_id IS NOT NULL;
CREATE INDEX "mail_message__message_id_index" ON mail_message USING btree (message_id);
CREATE INDEX "mail_message__parent_id_index" ON mail_message USING btree (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX "mail_message__subtype_id_index" ON mail_message USING btree (subtype_id);
CREATE INDEX "mail_message_model_res_id_id_idx" ON mail_message USING btree (model, res_id, id);
CREATE INDEX "mail_message_model_res_id_idx" ON mail_message USING btree (model, res_id);
CREATE TABLE mail_mail (
	"id" integer NOT NULL,
	"mail_message_id" integer NOT NULL,
	"fetchmail_server_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"email_cc" character varying,
	"state" character varying,
	"failure_type" character varying,
	"body_html" text,
	"references" text,
	"headers" text,
	"email_to" text,
	"failure_reason" text,
	"is_notification" boolean,
	"auto_delete" boolean,
	"scheduled_date" timestamp without time zone,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE mail_mail ADD CONSTRAINT "mail_mail_pkey" PRIMARY KEY (id);
CREATE INDEX "mail_mail__mail_message_id_index" ON mail_mail USING btree (mail_message_id);
CREATE TABLE ir_attachment (
	"id" integer NOT NULL,
	"res_id" integer,
	"company_id" integer,
	"file_size" integer,
	"create_uid" integer,
	"write_uid" integer,
	"name" character varying NOT NULL,
	"res_model" character varying,
	"res_field" character varying,
	"type" character varying NOT NULL,
	"url" character varying(1024),
	"access_token" character varying,
	"store_fname" character varying,
	"checksum" character varying(40),
	"mimetype" character varying,
	"description" text,
	"index_content" text,
	"public" boolean,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone,
	"db_datas" bytea,
	"original_id" integer
);
ALTER TABLE ir_attachment ADD CONSTRAINT "ir_attachment_pkey" PRIMARY KEY (id);
CREATE INDEX "ir_attachment__store_fname_index" ON ir_attachment USING btree (store_fname);
CREATE INDEX "ir_attachment__url_index" ON ir_attachment USING btree (url) WHERE url IS NOT NULL;
CREATE INDEX "ir_attachment_res_idx" ON ir_attachment USING btree (res_model, res_id);
CREATE TABLE ir_property (
	"id" integer NOT NULL,
	"company_id" integer,
	"fields_id" integer NOT NULL,
	"value_integer" integer,
	"create_uid" integer,
	"write_uid" integer,
	"name" character varying,
	"res_id" character varying,
	"value_reference" character varying,
	"type" character varying NOT NULL,
	"value_text" text,
	"value_datetime" timestamp without time zone,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone,
	"value_float" double precision,
	"value_binary" bytea
);
ALTER TABLE ir_property ADD CONSTRAINT "ir_property_pkey" PRIMARY KEY (id);
CREATE INDEX "ir_property__company_id_index" ON ir_property USING btree (company_id);
CREATE INDEX "ir_property__name_index" ON ir_property USING btree (name);
CREATE INDEX "ir_property__res_id_index" ON ir_property USING btree (res_id);
CREATE INDEX "ir_property__type_index" ON ir_property USING btree (type);
CREATE UNIQUE INDEX "ir_property_unique_index" ON ir_property USING btree (fields_id, COALESCE(company_id, 0), COALESCE(res_id, ''::character varying));
CREATE TABLE bus_bus (
	"id" integer NOT NULL,
	"create_uid" integer,
	"write_uid" integer,
	"channel" character varying,
	"message" character varying,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE bus_bus ADD CONSTRAINT "bus_bus_pkey" PRIMARY KEY (id);
CREATE TABLE queue_job (
	"id" integer NOT NULL,
	"user_id" integer,
	"company_id" integer,
	"priority" integer,
	"retry" integer,
	"max_retries" integer,
	"job_function_id" integer,
	"worker_pid" integer,
	"uuid" character varying NOT NULL,
	"graph_uuid" character varying,
	"name" character varying,
	"model_name" character varying,
	"method_name" character varying,
	"func_string" character varying,
	"state" character varying NOT NULL,
	"exc_name" character varying,
	"exc_message" character varying,
	"channel_method_name" character varying,
	"channel" character varying,
	"identity_key" character varying,
	"records" text,
	"dependencies" text,
	"args" text,
	"kwargs" text,
	"exc_info" text,
	"result" text,
	"date_created" timestamp without time zone,
	"date_started" timestamp without time zone,
	"date_enqueued" timestamp without time zone,
	"date_done" timestamp without time zone,
	"date_cancelled" timestamp without time zone,
	"eta" timestamp without time zone,
	"exec_time" double precision
);
ALTER TABLE queue_job ADD CONSTRAINT "queue_job_pkey" PRIMARY KEY (id);
CREATE INDEX "queue_job__channel_index" ON queue_job USING btree (channel);
CREATE INDEX "queue_job__company_id_index" ON queue_job USING btree (company_id);
CREATE INDEX "queue_job__graph_uuid_index" ON queue_job USING btree (graph_uuid);
CREATE INDEX "queue_job__state_index" ON queue_job USING btree (state);
CREATE INDEX "queue_job__uuid_index" ON queue_job USING btree (uuid);
CREATE INDEX "queue_job_identity_key_state_partial_index" ON queue_job USING btree (identity_key) WHERE (state::text = ANY (ARRAY['pending'::character varying, 'enqueued'::character varying]::text[])) AND identity_key IS NOT NULL;
CREATE TABLE res_users (
	"id" integer NOT NULL,
	"company_id" integer NOT NULL,
	"partner_id" integer NOT NULL,
	"active" boolean DEFAULT true,
	"create_date" timestamp without time zone,
	"login" character varying NOT NULL,
	"password" character varying,
	"action_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"signature" text,
	"share" boolean,
	"write_date" timestamp without time zone,
	"totp_secret" character varying,
	"notification_type" character varying NOT NULL,
	"odoobot_state" character varying,
	"odoobot_failed" boolean
);
ALTER TABLE res_users ADD CONSTRAINT "res_users_pkey" PRIMARY KEY (id);
CREATE INDEX "res_users__partner_id_index" ON res_users USING btree (partner_id);
ALTER TABLE res_users ADD CONSTRAINT "res_users_login_key" UNIQUE (login);
ALTER TABLE res_users ADD CONSTRAINT "res_users_notification_type" CHECK (notification_type::text = 'email'::text OR NOT share);
CREATE TABLE res_users_apikeys (
	"id" integer NOT NULL,
	"name" character varying NOT NULL,
	"user_id" integer NOT NULL,
	"scope" character varying,
	"index" character varying(8),
	"key" character varying,
	"create_date" timestamp without time zone DEFAULT (now() AT TIME ZONE 'utc'::text)
);
ALTER TABLE res_users_apikeys ADD CONSTRAINT "res_users_apikeys_pkey" PRIMARY KEY (id);
CREATE INDEX "res_users_apikeys_user_id_index_idx" ON res_users_apikeys USING btree (user_id, index);
ALTER TABLE res_users_apikeys ADD CONSTRAINT "res_users_apikeys_index_check" CHECK (char_length(index::text) = 8);
CREATE TABLE base_import_import (
	"id" integer NOT NULL,
	"create_uid" integer,
	"write_uid" integer,
	"res_model" character varying,
	"file_name" character varying,
	"file_type" character varying,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone,
	"file" bytea
);
ALTER TABLE base_import_import ADD CONSTRAINT "base_import_import_pkey" PRIMARY KEY (id);
CREATE TABLE g2p_program_membership_duplicate (
	"id" integer NOT NULL,
	"deduplication_manager_id" integer,
	"create_uid" integer,
	"write_uid" integer,
	"state" character varying,
	"reason" character varying,
	"comment" text,
	"create_date" timestamp without time zone,
	"write_date" timestamp without time zone
);
ALTER TABLE g2p_program_membership_duplicate ADD CONSTRAINT "g2p_program_membership_duplicate_pkey" PRIMARY KEY (id);
