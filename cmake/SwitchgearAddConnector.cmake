# switchgear_add_connector(): see core/sdk
