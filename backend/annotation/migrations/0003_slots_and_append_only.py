"""No slot above the readings needed; edits and annotations are written once."""

from django.db import migrations

TABLES = ("annotation_edit", "annotation_annotation")

SLOTS = """
CREATE FUNCTION annotation_slot_is_needed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.slot > (SELECT readings_needed FROM annotation_item WHERE id = NEW.item_id) THEN
        RAISE EXCEPTION 'slot % of item % is above the readings needed', NEW.slot, NEW.item_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER slot_is_needed BEFORE INSERT OR UPDATE OF slot, item_id ON annotation_assignment
    FOR EACH ROW EXECUTE FUNCTION annotation_slot_is_needed();
"""

APPEND_ONLY = """
CREATE FUNCTION annotation_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("annotation", "0002_initial")]
    operations = [
        migrations.RunSQL(
            SLOTS,
            "DROP TRIGGER slot_is_needed ON annotation_assignment; DROP FUNCTION annotation_slot_is_needed();",
        ),
        migrations.RunSQL(APPEND_ONLY, "DROP FUNCTION annotation_is_append_only();"),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION annotation_is_append_only();",
                f"DROP TRIGGER append_only ON {table};",
            )
            for table in TABLES
        ),
    ]
