from django.db import migrations, models


class Migration(migrations.Migration):
    # One statement a transaction: a table with pending trigger events cannot be altered.
    atomic = False
    dependencies = [("releases", "0009_opening")]
    operations = [
        migrations.AddField(
            "releaseobject",
            "uses",
            models.PositiveIntegerField(
                default=1, help_text="places that name it: the release, its parts, its images' trees"
            ),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            "releaseobject",
            models.CheckConstraint(condition=models.Q(("uses__gte", 1)), name="object_needed_is_used"),
        ),
    ]
