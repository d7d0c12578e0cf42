from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("releases", "0002_published_is_frozen")]
    operations = [
        migrations.AlterField(
            model_name="release",
            name="counts",
            field=models.JSONField(default=dict, help_text="the manifest's, and classes: {name: {split: n}}"),
        ),
    ]
