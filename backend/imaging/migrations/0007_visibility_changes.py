from django.db import migrations

# A name is half of what is cited; who sees a dataset may change, as long as the releases above allow it.
NAME_STAYS = """
CREATE OR REPLACE FUNCTION dataset_keeps_its_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.lab_id <> OLD.lab_id OR NEW.slug <> OLD.slug THEN
        RAISE EXCEPTION 'a dataset keeps its name' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("imaging", "0006_uploads")]
    operations = [migrations.RunSQL(NAME_STAYS, migrations.RunSQL.noop)]
