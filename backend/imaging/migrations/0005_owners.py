import django.db.models.deletion
from django.db import migrations, models

# A published name, and who could read it, are said for good.
STAYS = """
CREATE FUNCTION dataset_keeps_its_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.lab_id <> OLD.lab_id OR NEW.slug <> OLD.slug OR NEW.visibility <> OLD.visibility THEN
        RAISE EXCEPTION 'a dataset keeps its name and who sees it' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dataset_keeps_its_owner BEFORE UPDATE ON imaging_dataset
    FOR EACH ROW EXECUTE FUNCTION dataset_keeps_its_owner();
"""


class Migration(migrations.Migration):
    dependencies = [("imaging", "0004_file_reports"), ("people", "0003_labs")]
    operations = [
        migrations.AddField(
            "dataset",
            "lab",
            models.ForeignKey(
                default="commons",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="datasets",
                to="people.lab",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "dataset",
            "visibility",
            models.CharField(
                choices=[("hub", "everybody of the hub"), ("lab", "the people of its lab")], default="hub", max_length=8
            ),
        ),
        migrations.AlterField("dataset", "slug", models.SlugField(max_length=64)),
        migrations.AddConstraint(
            "dataset", models.UniqueConstraint(fields=("lab", "slug"), name="dataset_slug_once_per_lab")
        ),
        migrations.AddConstraint(
            "dataset",
            models.CheckConstraint(condition=models.Q(("visibility__in", ["hub", "lab"])), name="visibility_is_known"),
        ),
        migrations.RunSQL(
            STAYS, "DROP TRIGGER dataset_keeps_its_owner ON imaging_dataset; DROP FUNCTION dataset_keeps_its_owner();"
        ),
    ]
