from django.db import migrations, models

# Releases of before were called by one number: it becomes the major one. The trigger stands aside for that alone.
NUMBERS = """
ALTER TABLE releases_release DISABLE TRIGGER published_release_is_frozen;
UPDATE releases_release SET major = edition, minor = 0, patch = 0 WHERE state = 'published';
ALTER TABLE releases_release ENABLE TRIGGER published_release_is_frozen;
"""


class Migration(migrations.Migration):
    # One statement a transaction: a table with pending trigger events cannot be altered.
    atomic = False
    dependencies = [("releases", "0005_comparison")]
    operations = [
        *(
            migrations.AddField("release", name, models.PositiveIntegerField(blank=True, null=True))
            for name in ("major", "minor", "patch")
        ),
        migrations.RunSQL(NUMBERS, migrations.RunSQL.noop),
        migrations.RemoveConstraint("release", "editions_in_order"),
        migrations.RemoveConstraint("release", "editions_count_from_one"),
        migrations.RemoveField("release", "edition"),
        migrations.AddConstraint(
            "release",
            models.UniqueConstraint(
                fields=("dataset", "major", "minor", "patch"), name="a_version_names_one_release"
            ),
        ),
        migrations.AddConstraint(
            "release",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("major__gte", 1), ("minor__gte", 0), ("patch__gte", 0), ("state", "published")),
                    models.Q(
                        models.Q(("state", "published"), _negated=True),
                        ("major", None),
                        ("minor", None),
                        ("patch", None),
                    ),
                    _connector="OR",
                ),
                name="what_is_published_has_a_version",
            ),
        ),
    ]
