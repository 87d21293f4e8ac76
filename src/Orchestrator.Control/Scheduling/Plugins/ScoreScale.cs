namespace Orchestrator.Control.Scheduling.Plugins;

internal static class ScoreScale
{
    /// <summary>Scales counts so that the greatest becomes 100; reversed, it becomes 0.</summary>
    public static void ToGreatest(Span<long> scores, bool isReversed)
    {
        long greatest = 0;
        foreach (long score in scores)
            greatest = Math.Max(greatest, score);
        for (int i = 0; i < scores.Length; i++)
        {
            long scaled = greatest == 0 ? 0 : IScorePlugin.MaxScore * scores[i] / greatest;
            scores[i] = isReversed ? IScorePlugin.MaxScore - scaled : scaled;
        }
    }
}
