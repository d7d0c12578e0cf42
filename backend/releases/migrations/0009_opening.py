import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# The share lock makes an opening and the publication of the same release wait for one another.
OPENING = """
CREATE FUNCTION opening_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT state INTO found FROM releases_release WHERE id = NEW.release_id FOR SHARE;
        IF found = 'published' THEN RETURN NEW; END IF;
        RAISE EXCEPTION 'only a published release is opened' USING ERRCODE = 'restrict_violation';
    END IF;
    RAISE EXCEPTION 'what was opened stays open' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER opening_is_final BEFORE INSERT OR UPDATE OR DELETE ON releases_opening
    FOR EACH ROW EXECUTE FUNCTION opening_is_final();
"""


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("releases", "0008_descriptors"),
        ("imaging", "0005_owners"),
    ]
    operations = [
        migrations.CreateModel(
            name="Opening",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("created", models.DateTimeField(auto_now_add=True, db_index=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "release",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="opening",
                        to="releases.release",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(
            OPENING, "DROP TRIGGER opening_is_final ON releases_opening; DROP FUNCTION opening_is_final();"
        ),
    ]
