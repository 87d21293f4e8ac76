using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Images;

namespace Orchestrator.Node.Tests.Fake;

/// <summary>Which images go when the disk gets full.</summary>
public sealed class ImageGarbageTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);
    private static readonly HashSet<string> None = [];

    private readonly ImageGarbage _garbage = new(new ImageGarbageSettings());

    [Theory]
    [InlineData(100, 16, 0)]
    [InlineData(100, 15, 5)]
    [InlineData(1000, 100, 100)]
    [InlineData(100, 0, 20)]
    [InlineData(0, 0, 0)]
    public void From_85_percent_on_so_much_goes_that_80_are_left(long capacity, long available, long wanted) =>
        Assert.Equal(wanted, _garbage.Plan([Image("a", 1)], None, capacity, available, Start).WantedBytes);

    [Fact]
    public void What_was_not_used_for_longest_goes_first_and_never_what_is_in_use()
    {
        RuntimeImage[] images = [Image("late", 1), Image("early", 1), Image("never", 1), Image("busy", 1), Image("named", 1)];
        _garbage.Observe(images, new HashSet<string> { "early", "late" }, Start);
        _garbage.Observe(images, new HashSet<string> { "late" }, Start.AddMinutes(5));

        var plan = _garbage.Plan(images, new HashSet<string> { "busy", "example.org/named:1" }, 100, 0, Start.AddMinutes(10));

        Assert.Equal(["never", "early", "late"], plan.Candidates.Select(image => image.Id));
    }

    [Fact]
    public void Pinned_images_and_that_of_sandboxes_stay()
    {
        RuntimeImage[] images = [Image("a", 1) with { IsPinned = true }, new RuntimeImage("b", [PauseImage.Name], 1), Image("c", 1)];

        Assert.Equal(["c"], _garbage.Plan(images, None, 100, 0, Start).Candidates.Select(image => image.Id));
    }

    [Fact]
    public void An_image_that_has_just_come_stays_for_two_minutes()
    {
        _garbage.Observe([Image("old", 1)], None, Start);
        RuntimeImage[] images = [Image("old", 1), Image("new", 1)];

        var soon = _garbage.Plan(images, None, 100, 0, Start.AddMinutes(1));
        var later = _garbage.Plan(images, None, 100, 0, Start.AddMinutes(3));

        // What was there before the first look is as old as can be.
        Assert.Equal(["old"], soon.Candidates.Select(image => image.Id));
        Assert.Equal(["old", "new"], later.Candidates.Select(image => image.Id));
    }

    [Fact]
    public async Task Images_go_until_enough_is_free_and_no_further()
    {
        var images = new KeptImages(Image("a", 3), Image("b", 3), Image("c", 3));
        var failures = new List<string>();
        ImageCollector collector = Collector(images, (100, 15), failures);

        long freed = await collector.CollectAsync(CancellationToken.None);

        Assert.Equal(6, freed);
        Assert.Equal(["a", "b"], images.Removed);
        Assert.Empty(failures);
    }

    [Fact]
    public async Task Too_little_is_told()
    {
        var images = new KeptImages(Image("a", 3));
        var failures = new List<string>();

        await Collector(images, (100, 10), failures).CollectAsync(CancellationToken.None);

        Assert.Equal(
            ["FreeDiskSpaceFailed: Failed to garbage collect required amount of images. Attempted to free 10 bytes, but only found 3 bytes eligible to free."],
            failures);
    }

    [Fact]
    public async Task All_that_nobody_uses_goes_when_the_room_is_needed_however_much_there_is()
    {
        var images = new KeptImages(Image("a", 3), Image("b", 3) with { IsPinned = true }, Image("c", 3));
        var failures = new List<string>();

        await Collector(images, (100, 99), failures).RemoveUnusedAsync(CancellationToken.None);

        Assert.Equal(["a", "c"], images.Removed);
        Assert.Empty(failures);
    }

    private static ImageCollector Collector(KeptImages images, (long, long) space, List<string> failures) => new(
        new ImageGarbageSettings(), _ => Task.FromResult<IReadOnlyList<RuntimeContainer>>([]), images,
        _ => Task.FromResult<IReadOnlyList<ImageFilesystem>>([new ImageFilesystem("/images", Start, 1, 1)]), _ => space,
        (reason, message) => failures.Add($"{reason}: {message}"), TimeProvider.System);

    private static RuntimeImage Image(string id, long size) => new(id, [$"example.org/{id}:1"], size);

    private sealed class KeptImages(params RuntimeImage[] images) : IImageService
    {
        public List<string> Removed { get; } = [];

        public Task<IReadOnlyList<RuntimeImage>> ListImagesAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<RuntimeImage>>(images);

        public Task<RuntimeImage?> ImageStatusAsync(string image, CancellationToken ct) => throw new NotSupportedException();

        public Task<RuntimeImage> PullImageAsync(string image, RegistryCredentials? credentials, PodSandboxConfig sandbox, CancellationToken ct) =>
            throw new NotSupportedException();

        public Task RemoveImageAsync(string image, CancellationToken ct)
        {
            Removed.Add(image);
            return Task.CompletedTask;
        }
    }
}
