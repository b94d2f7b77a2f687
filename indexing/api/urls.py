"""The URLs of the calls of the offline side."""

from django.urls import path

import catalog.api.url_converters  # noqa: F401  (registers `rowid`)
from indexing.api import control_views, source_views, views, webhook_views

urlpatterns = [
    path("index/", views.IndexStatusView.as_view()),
    path("index/runs/", control_views.RunsView.as_view()),
    path("index/runs/<rowid:pk>/", control_views.RunView.as_view()),
    path("index/runs/<rowid:pk>/pause/", control_views.RunPauseView.as_view()),
    path("index/runs/<rowid:pk>/resume/", control_views.RunResumeView.as_view()),
    path("index/runs/<rowid:pk>/cancel/", control_views.RunCancelView.as_view()),
    path("index/generations/", control_views.GenerationsView.as_view()),
    path("index/generations/<rowid:pk>/publish/", control_views.GenerationPublishView.as_view()),
    path("index/rollback/", control_views.RollBackView.as_view()),
    path("sources/", source_views.SourcesView.as_view()),
    path("sources/<rowid:pk>/", source_views.SourceView.as_view()),
    path("sources/<rowid:pk>/pull/", source_views.SourcePullView.as_view()),
    path("webhooks/", webhook_views.WebhooksView.as_view()),
    path("webhooks/<rowid:pk>/", webhook_views.WebhookView.as_view()),
]
