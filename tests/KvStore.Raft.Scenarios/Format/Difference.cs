using System.Text;

namespace KvStore.Raft.Scenarios;

/// <summary>Shows a failed directive: a minus for what is missing, a plus for what should not be there.</summary>
public static class Difference
{
    public static string Render(string file, DirectiveResult result)
    {
        var text = new StringBuilder();
        text.Append(file).Append(':').Append(result.Directive.Line).Append(": ").AppendLine(result.Directive.Command);
        foreach (string line in Compare(result.Expected.Split('\n'), result.Actual.Split('\n')))
            text.AppendLine(line);
        return text.ToString();
    }

    /// <summary>The shortest edit from one list of lines to the other, by the longest common subsequence.</summary>
    private static IEnumerable<string> Compare(string[] expected, string[] actual)
    {
        int[,] common = CommonLengths(expected, actual);
        var (i, j) = (0, 0);
        while (i < expected.Length || j < actual.Length)
        {
            if (i < expected.Length && j < actual.Length && expected[i] == actual[j])
            {
                yield return "  " + expected[i];
                i++;
                j++;
            }
            else if (j == actual.Length || (i < expected.Length && common[i + 1, j] >= common[i, j + 1]))
            {
                yield return "- " + expected[i++];
            }
            else
            {
                yield return "+ " + actual[j++];
            }
        }
    }

    private static int[,] CommonLengths(string[] expected, string[] actual)
    {
        int[,] common = new int[expected.Length + 1, actual.Length + 1];
        for (int i = expected.Length - 1; i >= 0; i--)
        {
            for (int j = actual.Length - 1; j >= 0; j--)
            {
                common[i, j] = expected[i] == actual[j]
                    ? common[i + 1, j + 1] + 1
                    : Math.Max(common[i + 1, j], common[i, j + 1]);
            }
        }
        return common;
    }
}
