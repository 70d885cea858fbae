import django.db.models.deletion
import django.utils.timezone
import django_wanvideo.models.storage
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name='id')),
                ('number', models.PositiveIntegerField(verbose_name='number')),
                ('state', models.CharField(choices=[('claimed', 'claimed'), ('unconfirmed', 'unconfirmed'), ('accepted', 'accepted'), ('not_accepted', 'not accepted'), ('superseded', 'superseded'), ('finished', 'ended')], default='claimed', max_length=12, verbose_name='state')),
                ('provider_task_id', models.CharField(blank=True, default=None, max_length=200, null=True, unique=True, verbose_name="EvoLink's task id")),
                ('idempotency_key', models.CharField(max_length=96, verbose_name='idempotency key')),
                ('request', models.JSONField(help_text='The body as it was sent; the callback token left out.', verbose_name='request')),
                ('http_status', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='HTTP status')),
                ('request_id', models.CharField(blank=True, max_length=200, verbose_name="EvoLink's request id")),
                ('error_code', models.CharField(blank=True, max_length=100, verbose_name='error code')),
                ('error_message', models.TextField(blank=True, verbose_name='error message')),
                ('request_count', models.PositiveSmallIntegerField(default=0, verbose_name='POSTs with this key')),
                ('claimed_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='claimed at')),
                ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent at')),
                ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='settled at')),
                ('callback_received_at', models.DateTimeField(blank=True, null=True, verbose_name='callback received at')),
            ],
            options={
                'verbose_name': 'attempt',
                'verbose_name_plural': 'attempts',
                'ordering': ['task_id', 'number'],
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Installation',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ('database_id', models.UUIDField(default=uuid.uuid4, editable=False, verbose_name='database')),
                ('name', models.CharField(blank=True, max_length=100, verbose_name='installation')),
                ('host', models.CharField(blank=True, max_length=255, verbose_name='host of callbacks')),
                ('other_host_since', models.DateTimeField(blank=True, null=True, verbose_name='another host since')),
                ('claims', models.BigIntegerField(default=0, verbose_name='claims')),
                ('stored_at', models.DateTimeField(blank=True, null=True, verbose_name='stored at')),
                ('rolled_back_at', models.DateTimeField(blank=True, null=True, verbose_name='found behind at')),
                ('claims_elsewhere', models.BigIntegerField(blank=True, null=True, verbose_name='claims noted elsewhere')),
            ],
            options={
                'verbose_name': 'installation',
                'verbose_name_plural': 'installations',
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='SiteState',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='name')),
                ('value', models.JSONField(default=dict, verbose_name='value')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated at')),
            ],
            options={
                'verbose_name': 'site state',
                'verbose_name_plural': 'site states',
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='DeletedTask',
            fields=[
                ('task_id', models.UUIDField(editable=False, primary_key=True, serialize=False, verbose_name='task')),
                ('idempotency_scope', models.CharField(blank=True, max_length=64, verbose_name='scope of the key')),
                ('idempotency_key', models.CharField(max_length=200, verbose_name='idempotency key')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('deleted_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='deleted at')),
            ],
            options={
                'verbose_name': 'deleted task',
                'verbose_name_plural': 'deleted tasks',
                'ordering': ['-deleted_at'],
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['idempotency_key', 'idempotency_scope'], name='wanvideo_deleted_key'), models.Index(fields=['deleted_at'], name='wanvideo_deleted_at')],
            },
        ),
        migrations.CreateModel(
            name='VideoTask',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name='id')),
                ('status', models.CharField(choices=[('draft', 'draft'), ('queued', 'queued'), ('submitting', 'submitting'), ('unconfirmed', 'unconfirmed'), ('pending', 'pending'), ('processing', 'processing'), ('storing', 'storing'), ('completed', 'completed'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='draft', editable=False, max_length=12, verbose_name='status')),
                ('model', models.CharField(max_length=80, verbose_name='model')),
                ('prompt', models.TextField(verbose_name='prompt')),
                ('parameters', models.JSONField(blank=True, default=dict, verbose_name='parameters')),
                ('progress', models.PositiveSmallIntegerField(default=0, editable=False, help_text='Per cent.', verbose_name='progress')),
                ('error_code', models.CharField(blank=True, editable=False, max_length=100, verbose_name='error code')),
                ('error_message', models.TextField(blank=True, editable=False, verbose_name='error message')),
                ('credits_estimated', models.DecimalField(blank=True, decimal_places=4, editable=False, max_digits=12, null=True, verbose_name='credits estimated')),
                ('credits_reserved', models.DecimalField(blank=True, decimal_places=4, editable=False, max_digits=12, null=True, verbose_name='credits reserved')),
                ('credits_used', models.DecimalField(blank=True, decimal_places=4, editable=False, max_digits=12, null=True, verbose_name='credits used')),
                ('video', models.FileField(blank=True, editable=False, max_length=255, storage=django_wanvideo.models.storage.task_storage, upload_to=django_wanvideo.models.storage.upload_to, verbose_name='video')),
                ('video_size', models.BigIntegerField(blank=True, editable=False, help_text='Bytes.', null=True, verbose_name='video size')),
                ('video_sha256', models.CharField(blank=True, editable=False, max_length=64, verbose_name='video checksum')),
                ('result_url', models.TextField(blank=True, editable=False, verbose_name='result link')),
                ('result_expires_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='result link ends at')),
                ('metadata', models.JSONField(blank=True, default=dict, help_text="Data that the site's own code needs later.", verbose_name='metadata')),
                ('notes', models.TextField(blank=True, verbose_name='notes')),
                ('unmatched', models.BooleanField(default=False, editable=False, verbose_name='unmatched')),
                ('dismissed_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='dismissed at')),
                ('idempotency_scope', models.CharField(blank=True, editable=False, help_text='The owner’s primary key when the task was made; it stays when the owner is deleted.', max_length=64, verbose_name='scope of the key')),
                ('idempotency_key', models.CharField(blank=True, default=None, editable=False, max_length=200, null=True, verbose_name='idempotency key')),
                ('idempotency_content', models.JSONField(blank=True, default=None, editable=False, help_text='Hashes of what was asked for with the key, by field.', null=True, verbose_name='content of the key')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created at')),
                ('queued_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='queued at')),
                ('accepted_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='accepted at')),
                ('finished_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='finished at')),
                ('next_action_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='next action at')),
                ('delayed_until', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='held until')),
                ('delay_reason', models.CharField(blank=True, editable=False, max_length=40, verbose_name='reason for waiting')),
                ('estimated_seconds', models.PositiveIntegerField(blank=True, editable=False, null=True, verbose_name='estimated time')),
                ('retry_count', models.PositiveIntegerField(default=0, editable=False, verbose_name='tries in this stage')),
                ('failed_looks', models.PositiveIntegerField(default=0, editable=False, verbose_name='failed status checks in a row')),
                ('not_found_since', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='trouble since')),
                ('overdue_notified_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='told overdue at')),
                ('expiry_notified_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='told expiring at')),
                ('result_refreshed_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='link asked for again at')),
                ('lease_expires_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='held by a worker until')),
                ('owner', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
                ('parent', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='children', to='wanvideo.videotask', verbose_name='made from')),
            ],
            options={
                'verbose_name': 'video task',
                'verbose_name_plural': 'video tasks',
                'ordering': ['-created_at', '-id'],
                'permissions': [('submit_videotask', 'Can spend credits on video tasks'), ('resolve_videotask', 'Can settle unconfirmed video tasks'), ('pause_sending', 'Can pause and resume sending')],
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='TaskEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('created', 'created'), ('queued', 'queued'), ('claimed', 'claimed by a worker'), ('waiting', 'waiting'), ('released', 'given back to the queue'), ('accepted', 'accepted by EvoLink'), ('unconfirmed', 'answer lost'), ('progress', 'progress'), ('generated', 'made by EvoLink'), ('store_failed', 'copying failed'), ('link_expiring', 'link ends soon'), ('stored', 'stored'), ('failed', 'failed'), ('cancelled', 'cancelled'), ('retried', 'tried again'), ('overdue', 'overdue'), ('needs_decision', 'needs a decision'), ('resolved', 'decided'), ('callback', 'callback received'), ('duplicate', 'second paid result'), ('receiver_failed', 'a signal receiver failed'), ('note', 'note')], max_length=20, verbose_name='kind')),
                ('source', models.CharField(choices=[('user', 'a person'), ('application', "the site's code"), ('worker', 'a worker'), ('response', "EvoLink's answer"), ('callback', "EvoLink's callback"), ('poll', 'a status check'), ('sweep', 'the sweep')], max_length=12, verbose_name='source')),
                ('from_status', models.CharField(blank=True, choices=[('draft', 'draft'), ('queued', 'queued'), ('submitting', 'submitting'), ('unconfirmed', 'unconfirmed'), ('pending', 'pending'), ('processing', 'processing'), ('storing', 'storing'), ('completed', 'completed'), ('failed', 'failed'), ('cancelled', 'cancelled')], max_length=12, verbose_name='from')),
                ('to_status', models.CharField(blank=True, choices=[('draft', 'draft'), ('queued', 'queued'), ('submitting', 'submitting'), ('unconfirmed', 'unconfirmed'), ('pending', 'pending'), ('processing', 'processing'), ('storing', 'storing'), ('completed', 'completed'), ('failed', 'failed'), ('cancelled', 'cancelled')], max_length=12, verbose_name='to')),
                ('detail', models.JSONField(blank=True, default=dict, verbose_name='detail')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='created at')),
                ('notify_at', models.DateTimeField(blank=True, null=True, verbose_name='to be told at')),
                ('delivery', models.JSONField(default=dict, editable=False, verbose_name='delivery')),
                ('notified_at', models.DateTimeField(blank=True, null=True, verbose_name='told at')),
                ('actor', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('attempt', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='events', to='wanvideo.attempt', verbose_name='attempt')),
                ('task', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='wanvideo.videotask', verbose_name='task')),
            ],
            options={
                'verbose_name': 'event',
                'verbose_name_plural': 'events',
                'ordering': ['task_id', 'id'],
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='MediaInput',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('first_frame', 'picture (first frame)'), ('last_frame', 'last frame'), ('reference_images', 'reference image'), ('reference_videos', 'reference video'), ('source_video', 'source video'), ('audio', 'sound'), ('voices', 'voice'), ('document', 'document')], default='first_frame', max_length=20, verbose_name='role')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('file', models.FileField(blank=True, max_length=255, storage=django_wanvideo.models.storage.task_storage, upload_to=django_wanvideo.models.storage.input_upload_to, verbose_name='file')),
                ('url', models.TextField(blank=True, verbose_name='link')),
                ('content_type', models.CharField(blank=True, max_length=100, verbose_name='content type')),
                ('width', models.PositiveIntegerField(blank=True, help_text='Pixels.', null=True, verbose_name='width')),
                ('height', models.PositiveIntegerField(blank=True, help_text='Pixels.', null=True, verbose_name='height')),
                ('size', models.BigIntegerField(blank=True, help_text='Bytes.', null=True, verbose_name='size')),
                ('sha256', models.CharField(blank=True, editable=False, max_length=64, verbose_name='checksum')),
                ('sent_width', models.PositiveIntegerField(blank=True, editable=False, help_text='Pixels; empty when it is not changed.', null=True, verbose_name='width as sent')),
                ('sent_height', models.PositiveIntegerField(blank=True, editable=False, help_text='Pixels; empty when it is not changed.', null=True, verbose_name='height as sent')),
                ('thumbnail', models.FileField(blank=True, editable=False, max_length=255, storage=django_wanvideo.models.storage.task_storage, upload_to=django_wanvideo.models.storage.input_upload_to, verbose_name='thumbnail')),
                ('uploaded_url', models.TextField(blank=True, editable=False, verbose_name='link at EvoLink')),
                ('uploaded_expires_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='link at EvoLink ends at')),
                ('uploaded_account', models.CharField(blank=True, editable=False, max_length=32, verbose_name='account of the link at EvoLink')),
                ('task', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='inputs', to='wanvideo.videotask', verbose_name='task')),
            ],
            options={
                'verbose_name': 'input',
                'verbose_name_plural': 'inputs',
                'ordering': ['task_id', 'role', 'position'],
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddField(
            model_name='attempt',
            name='task',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='wanvideo.videotask', verbose_name='task'),
        ),
        migrations.CreateModel(
            name='CallbackReceipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider_task_id', models.CharField(blank=True, max_length=200, verbose_name="EvoLink's task id")),
                ('payload', models.JSONField(default=dict, verbose_name='what it said')),
                ('received_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='received at')),
                ('process_at', models.DateTimeField(blank=True, default=django.utils.timezone.now, null=True, verbose_name='to be read at')),
                ('retry_count', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('attempt', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='receipts', to='wanvideo.attempt', verbose_name='attempt')),
            ],
            options={
                'verbose_name': 'callback receipt',
                'verbose_name_plural': 'callback receipts',
                'ordering': ['id'],
                'base_manager_name': 'objects',
                'indexes': [models.Index(condition=models.Q(('process_at__isnull', False)), fields=['process_at'], name='wanvideo_receipt_due'), models.Index(fields=['received_at'], name='wanvideo_receipt_received')],
            },
        ),
        migrations.CreateModel(
            name='CreditEntry',
            fields=[
                ('attempt_id', models.UUIDField(editable=False, primary_key=True, serialize=False, verbose_name='attempt')),
                ('task_id', models.UUIDField(db_index=True, editable=False, verbose_name='task')),
                ('owner_label', models.CharField(blank=True, max_length=255, verbose_name='owner’s name')),
                ('batch_id', models.UUIDField(blank=True, editable=False, null=True, verbose_name='batch')),
                ('model', models.CharField(max_length=80, verbose_name='model')),
                ('seconds', models.PositiveIntegerField(blank=True, null=True, verbose_name='seconds')),
                ('quality', models.CharField(blank=True, max_length=20, verbose_name='quality')),
                ('estimated', models.DecimalField(blank=True, decimal_places=4, max_digits=12, null=True, verbose_name='estimated')),
                ('reserved', models.DecimalField(blank=True, decimal_places=4, max_digits=12, null=True, verbose_name='reserved')),
                ('used', models.DecimalField(blank=True, decimal_places=4, max_digits=12, null=True, verbose_name='used')),
                ('outcome', models.CharField(choices=[('claimed', 'claimed'), ('unknown', 'unknown'), ('accepted', 'accepted'), ('charged', 'charged'), ('released', 'released')], default='claimed', max_length=12, verbose_name='outcome')),
                ('claimed_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='claimed at')),
                ('accepted_at', models.DateTimeField(blank=True, null=True, verbose_name='accepted at')),
                ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='settled at')),
                ('owner', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
            ],
            options={
                'verbose_name': 'credit entry',
                'verbose_name_plural': 'credit entries',
                'ordering': ['-claimed_at'],
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['claimed_at'], name='wanvideo_credit_claimed'), models.Index(fields=['owner', 'claimed_at'], name='wanvideo_credit_owner')],
                'constraints': [models.CheckConstraint(condition=models.Q(('outcome__in', ['claimed', 'unknown', 'accepted', 'charged', 'released'])), name='wanvideo_credit_outcome_known')],
            },
        ),
        migrations.AddIndex(
            model_name='videotask',
            index=models.Index(models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='wanvideo_task_newest'),
        ),
        migrations.AddIndex(
            model_name='videotask',
            index=models.Index(models.F('status'), models.OrderBy(models.F('created_at'), descending=True), name='wanvideo_task_status'),
        ),
        migrations.AddIndex(
            model_name='videotask',
            index=models.Index(models.F('owner'), models.OrderBy(models.F('created_at'), descending=True), name='wanvideo_task_owner'),
        ),
        migrations.AddIndex(
            model_name='videotask',
            index=models.Index(models.F('model'), models.OrderBy(models.F('created_at'), descending=True), name='wanvideo_task_model'),
        ),
        migrations.AddIndex(
            model_name='videotask',
            index=models.Index(condition=models.Q(('next_action_at__isnull', False)), fields=['next_action_at'], name='wanvideo_task_due'),
        ),
        migrations.AddIndex(
            model_name='videotask',
            index=models.Index(condition=models.Q(('delay_reason', ''), _negated=True), fields=['delay_reason'], name='wanvideo_task_delayed'),
        ),
        migrations.AddIndex(
            model_name='videotask',
            index=models.Index(condition=models.Q(('unmatched', True)), fields=['unmatched'], name='wanvideo_task_unmatched'),
        ),
        migrations.AddIndex(
            model_name='videotask',
            index=models.Index(models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('status', 'unconfirmed'), models.Q(('dismissed_at', None), ('status', 'failed')), models.Q(('dismissed_at', None), ('unmatched', True)), models.Q(('overdue_notified_at__isnull', False), ('status__in', ('pending', 'processing'))), _connector='OR'), name='wanvideo_task_attention'),
        ),
        migrations.AddIndex(
            model_name='videotask',
            index=models.Index(models.F('error_code'), models.OrderBy(models.F('created_at'), descending=True), condition=models.Q(('error_code', ''), _negated=True), name='wanvideo_task_failure'),
        ),
        migrations.AddIndex(
            model_name='videotask',
            index=models.Index(fields=['video'], name='wanvideo_task_video'),
        ),
        migrations.AddConstraint(
            model_name='videotask',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'queued', 'submitting', 'unconfirmed', 'pending', 'processing', 'storing', 'completed', 'failed', 'cancelled'])), name='wanvideo_task_status_known'),
        ),
        migrations.AddConstraint(
            model_name='videotask',
            constraint=models.CheckConstraint(condition=models.Q(('progress__lte', 100)), name='wanvideo_task_progress_percent'),
        ),
        migrations.AddConstraint(
            model_name='videotask',
            constraint=models.UniqueConstraint(fields=('idempotency_scope', 'idempotency_key'), name='wanvideo_task_key'),
        ),
        migrations.AddIndex(
            model_name='taskevent',
            index=models.Index(condition=models.Q(('notify_at__isnull', False)), fields=['notify_at'], name='wanvideo_event_outbox'),
        ),
        migrations.AddIndex(
            model_name='taskevent',
            index=models.Index(fields=['created_at'], name='wanvideo_event_created'),
        ),
        migrations.AddIndex(
            model_name='mediainput',
            index=models.Index(fields=['file'], name='wanvideo_input_file'),
        ),
        migrations.AddIndex(
            model_name='mediainput',
            index=models.Index(fields=['thumbnail'], name='wanvideo_input_thumbnail'),
        ),
        migrations.AddIndex(
            model_name='mediainput',
            index=models.Index(fields=['sha256'], name='wanvideo_input_sha256'),
        ),
        migrations.AddConstraint(
            model_name='mediainput',
            constraint=models.UniqueConstraint(fields=('task', 'role', 'position'), name='wanvideo_input_place'),
        ),
        migrations.AddConstraint(
            model_name='mediainput',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['first_frame', 'last_frame', 'reference_images', 'reference_videos', 'source_video', 'audio', 'voices', 'document'])), name='wanvideo_input_role_known'),
        ),
        migrations.AddConstraint(
            model_name='mediainput',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('file', ''), models.Q(('url', ''), _negated=True)), models.Q(models.Q(('file', ''), _negated=True), ('url', '')), _connector='OR'), name='wanvideo_input_file_or_url'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['sent_at'], name='wanvideo_attempt_sent'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['claimed_at'], name='wanvideo_attempt_claimed'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(fields=('task', 'number'), name='wanvideo_attempt_number'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['accepted', 'claimed', 'unconfirmed'])), fields=('task',), name='wanvideo_attempt_one_open'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['claimed', 'unconfirmed', 'accepted', 'not_accepted', 'superseded', 'finished'])), name='wanvideo_attempt_state_known'),
        ),
    ]
