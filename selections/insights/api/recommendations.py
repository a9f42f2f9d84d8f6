"""Recommendations of works that the caller might pick next, with reasons."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from catalog.api.serializers import PickedAlbumSerializer, PickedMovieSerializer, RowSerializer
from selections.insights import recommendations
from selections.insights.features import REASONS

from .figures import FiguresView

OF_WEEKS = {"overview_language", "cached_at", "confirmed"}  # fields of works that only weeks show


class LimitQuerySerializer(serializers.Serializer):
    limit = serializers.IntegerField(min_value=1, max_value=50, default=20, help_text="The maximum number of results.")


class SourcePickSerializer(RowSerializer):
    title = serializers.CharField()
    week_id = serializers.IntegerField()
    year = serializers.IntegerField()
    week_number = serializers.IntegerField()


class ReasonSerializer(RowSerializer):
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


class RecommendedMovieSerializer(PickedMovieSerializer):
    """A movie that the caller might pick next."""

    id = serializers.IntegerField(
        allow_null=True, default=None, help_text="The id in this site's catalog; null if it is not in the catalog."
    )

    class Meta(PickedMovieSerializer.Meta):
        fields = [name for name in PickedMovieSerializer.Meta.fields if name not in OF_WEEKS]


class RecommendedAlbumSerializer(PickedAlbumSerializer):
    class Meta(PickedAlbumSerializer.Meta):
        fields = [name for name in PickedAlbumSerializer.Meta.fields if name not in OF_WEEKS]


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
