"""A consensus, its readings and an adjudication are written once: a correction is a new revision."""

from django.db import migrations

TABLES = ("consensus_consensus", "consensus_consensus_readings", "consensus_adjudication")

FUNCTION = """
CREATE FUNCTION consensus_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""

# A disagreement keeps what the readers said; only its state moves, and never back to open.
DISAGREEMENT = """
CREATE FUNCTION disagreement_keeps_its_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'open'
       OR (NEW.id, NEW.consensus_id, NEW.item_id, NEW.index, NEW.kind, NEW.box, NEW.options)
          IS DISTINCT FROM (OLD.id, OLD.consensus_id, OLD.item_id, OLD.index, OLD.kind, OLD.box, OLD.options) THEN
        RAISE EXCEPTION 'a disagreement changes its state only, and once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disagreement_keeps_its_words BEFORE UPDATE OR DELETE ON consensus_disagreement
    FOR EACH ROW EXECUTE FUNCTION disagreement_keeps_its_words();
"""


class Migration(migrations.Migration):
    dependencies = [("consensus", "0002_initial")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION consensus_is_append_only();"),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION consensus_is_append_only();",
                f"DROP TRIGGER append_only ON {table};",
            )
            for table in TABLES
        ),
        migrations.RunSQL(
            DISAGREEMENT,
            "DROP TRIGGER disagreement_keeps_its_words ON consensus_disagreement;"
            "DROP FUNCTION disagreement_keeps_its_words();",
        ),
    ]
