"""A model card and a prediction are written once, for drafts and releases point at them."""

from django.db import migrations

TABLES = ("modelzoo_modelcard", "modelzoo_prediction")

FUNCTION = """
CREATE FUNCTION modelzoo_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("modelzoo", "0002_initial")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION modelzoo_is_append_only();"),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION modelzoo_is_append_only();",
                f"DROP TRIGGER append_only ON {table};",
            )
            for table in TABLES
        ),
    ]
