"""Uploads in parts: states go forward only."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


FORWARD = """
CREATE FUNCTION imaging_upload_goes_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.person_id, OLD.dataset_id, OLD.purpose, OLD.size, OLD.sha256, OLD.place, OLD.part_size)
        IS DISTINCT FROM (NEW.person_id, NEW.dataset_id, NEW.purpose, NEW.size, NEW.sha256, NEW.place, NEW.part_size)
    THEN
        RAISE EXCEPTION 'what upload % was begun with does not change', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
        ('sending', 'verifying'), ('sending', 'abandoned'),
        ('verifying', 'reading'), ('verifying', 'refused'),
        ('reading', 'kept'), ('reading', 'refused')
    ) THEN
        RAISE EXCEPTION 'upload % cannot go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER upload_goes_forward BEFORE UPDATE ON imaging_upload
    FOR EACH ROW EXECUTE FUNCTION imaging_upload_goes_forward();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('imaging', '0005_owners'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Upload',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('purpose', models.CharField(choices=[('image', 'a file becomes images'), ('import', 'a zip becomes an import')], max_length=8)),
                ('name', models.CharField(help_text="the file's, as the person calls it", max_length=255)),
                ('size', models.BigIntegerField(help_text='bytes, as declared')),
                ('sha256', models.CharField(help_text='as declared', max_length=64)),
                ('object_sha256', models.CharField(blank=True, help_text='the object, once it is verified', max_length=64)),
                ('options', models.JSONField(default=dict, help_text='{source, stratum, name} or {layout, limit}')),
                ('place', models.CharField(blank=True, help_text='what the store calls it', max_length=1200)),
                ('part_size', models.BigIntegerField()),
                ('state', models.CharField(choices=[('sending', 'parts are coming in'), ('verifying', 'all parts are here and are compared with the declared sha256'), ('reading', 'the bytes are kept and become what they are for'), ('kept', 'Kept'), ('refused', 'Refused'), ('abandoned', 'Abandoned')], default='sending', max_length=16)),
                ('error', models.JSONField(help_text='{code, title, detail, where, remedy}: why not, or why not yet', null=True)),
                ('images', models.JSONField(default=list, help_text='ids of the images it became')),
                ('refused', models.JSONField(default=list, help_text='{name, reason, remedy} of its images that did not come in')),
                ('already_there', models.BooleanField(default=False, help_text='the dataset had these bytes before')),
                ('touched', models.DateTimeField(auto_now_add=True, help_text='when its person last did something with it')),
                ('heartbeat', models.DateTimeField(help_text='of the worker that has it', null=True)),
                ('dataset', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='imaging.dataset')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('record', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='imaging.import')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ('sending', 'verifying', 'reading'))), fields=('person', 'dataset', 'sha256'), name='one_live_upload_of_the_same_bytes'), models.CheckConstraint(condition=models.Q(models.Q(('object_sha256', models.F('sha256')), ('state__in', ('reading', 'kept'))), models.Q(models.Q(('state__in', ('reading', 'kept')), _negated=True), ('object_sha256', '')), _connector='OR'), name='upload_kept_is_verified'), models.CheckConstraint(condition=models.Q(('part_size__gt', 0), ('size__gt', 0)), name='upload_has_bytes'), models.CheckConstraint(condition=models.Q(('sha256__regex', '^[0-9a-f]{64}$')), name='upload_is_sha256')],
            },
        ),
        migrations.RunSQL(
            FORWARD,
            "DROP TRIGGER upload_goes_forward ON imaging_upload; DROP FUNCTION imaging_upload_goes_forward();",
        ),
    ]
