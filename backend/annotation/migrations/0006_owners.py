import django.db.models.deletion
from django.db import migrations, models

# A campaign's lab is its dataset's, and Postgres knows.
SAME_LAB = """
ALTER TABLE imaging_dataset ADD CONSTRAINT dataset_with_its_lab UNIQUE (id, lab_id);
ALTER TABLE annotation_campaign ADD CONSTRAINT campaign_is_of_the_lab_of_its_dataset
    FOREIGN KEY (dataset_id, lab_id) REFERENCES imaging_dataset (id, lab_id);
"""
UNDONE = """
ALTER TABLE annotation_campaign DROP CONSTRAINT campaign_is_of_the_lab_of_its_dataset;
ALTER TABLE imaging_dataset DROP CONSTRAINT dataset_with_its_lab;
"""


class Migration(migrations.Migration):
    dependencies = [("annotation", "0005_every_task"), ("imaging", "0005_owners")]
    operations = [
        migrations.AddField(
            "campaign",
            "lab",
            models.ForeignKey(
                default="commons",
                help_text="the dataset's (foreign key)",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.lab",
            ),
            preserve_default=False,
        ),
        migrations.AlterField("campaign", "slug", models.SlugField(max_length=64)),
        migrations.AddConstraint(
            "campaign", models.UniqueConstraint(fields=("lab", "slug"), name="campaign_slug_once_per_lab")
        ),
        migrations.AlterField("edit", "uuid", models.UUIDField()),
        migrations.AddConstraint("edit", models.UniqueConstraint(fields=("assignment", "uuid"), name="edit_once")),
        migrations.RunSQL(SAME_LAB, UNDONE),
    ]
