"""Recommendations of works that the caller might pick next, with reasons."""

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from catalog.api.serializers import BlankAsNullField, PickedAlbumSerializer
from catalog.models import Album, Movie
from integrations.tmdb import MovieHit, image_url
from selections.insights import recommendations
from selections.insights.features import REASONS

from .figures import FiguresView


class LimitQuerySerializer(serializers.Serializer):
    limit = serializers.IntegerField(min_value=1, max_value=50, default=20, help_text="The maximum number of results.")


class SourcePickSerializer(serializers.Serializer):
    title = serializers.CharField()
    week_id = serializers.IntegerField()
    year = serializers.IntegerField()
    week_number = serializers.IntegerField()


class ReasonSerializer(serializers.Serializer):
    reason = serializers.ChoiceField(
        choices=REASONS,
        help_text="The feature shared with works the caller likes (`director`, `writer`, `cast`, `genre`, `artist`, "
        "`decade`), or who recommends it: `people` whom the caller may see, or `tmdb`.",
    )
    name = serializers.CharField(
        help_text="Of the person, genre or artist; a decade such as `1990s`; of `people` a username; of `tmdb` the "
        "title that it recommends this one for."
    )
    picks = SourcePickSerializer(
        many=True, help_text="Up to three picks that led there; for `people` the pick that they rated."
    )


class RecommendationSerializer(serializers.Serializer):
    score = serializers.IntegerField(
        min_value=0,
        max_value=100,
        help_text="How strongly it is recommended. It never rises down the list; comparable within one response only.",
    )
    because = ReasonSerializer(many=True, help_text="Up to five, the strongest first.")


class RecommendedMovieSerializer(serializers.Serializer):
    id = serializers.IntegerField(
        allow_null=True, default=None, help_text="The id in this site's catalog; null if it is not in the catalog."
    )
    tmdb_id = serializers.IntegerField()
    title = serializers.SerializerMethodField()
    original_title = BlankAsNullField()
    release_date = serializers.DateField(allow_null=True)
    poster_path = serializers.SerializerMethodField(help_text="On TMDB's image server; see `poster_url`.")
    poster_url = serializers.SerializerMethodField()
    overview = BlankAsNullField()

    def get_title(self, work: Movie | MovieHit) -> str:
        return work.shown_title if isinstance(work, Movie) else work.title

    def get_poster_path(self, work: Movie | MovieHit) -> str | None:
        return (work.picture if isinstance(work, Movie) else work.poster_path) or None

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_poster_url(self, work: Movie | MovieHit) -> str | None:
        return image_url(self.get_poster_path(work) or "", "w342")


class RecommendedAlbumSerializer(PickedAlbumSerializer):
    class Meta(PickedAlbumSerializer.Meta):
        model = Album
        fields = [name for name in PickedAlbumSerializer.Meta.fields if name not in {"cached_at", "confirmed"}]


class MovieRecommendationSerializer(RecommendationSerializer):
    movie = RecommendedMovieSerializer(source="work")


class AlbumRecommendationSerializer(RecommendationSerializer):
    album = RecommendedAlbumSerializer(source="work")


class MovieRecommendationsSerializer(serializers.Serializer):
    source = serializers.ChoiceField(  # type: ignore[assignment]
        ["tmdb", "catalog"], help_text="`tmdb` if it contributed."
    )
    results = MovieRecommendationSerializer(many=True)


class AlbumRecommendationsSerializer(serializers.Serializer):
    source = serializers.ChoiceField(["catalog"])  # type: ignore[assignment]
    results = AlbumRecommendationSerializer(many=True)


class MovieRecommendationsView(FiguresView):
    problems = []

    @extend_schema(
        tags=["recommendations"], parameters=[LimitQuerySerializer], responses=MovieRecommendationsSerializer
    )
    def get(self, request):
        """Movies that the caller might pick next, each with the reasons.

        They are based on the works that the caller picked and rated, and on those that members who agree with them
        rated highly. Works that the caller picked or has an opinion on are never included.
        """
        query = self.read_query(LimitQuerySerializer)
        source, results = recommendations.recommend_movies(request.user, **query)
        return Response(MovieRecommendationsSerializer({"source": source, "results": results}).data)


class AlbumRecommendationsView(FiguresView):
    problems = []

    @extend_schema(
        tags=["recommendations"], parameters=[LimitQuerySerializer], responses=AlbumRecommendationsSerializer
    )
    def get(self, request):
        """Albums that the caller might pick next, each with the reasons.

        They are based on the works that the caller picked and rated, and on those that members who agree with them
        rated highly. Albums that the caller picked or has an opinion on are never included, in any edition.
        """
        query = self.read_query(LimitQuerySerializer)
        source, results = recommendations.recommend_albums(request.user, **query)
        return Response(AlbumRecommendationsSerializer({"source": source, "results": results}).data)
