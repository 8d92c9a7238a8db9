# Writes the R data files of this folder, and what they hold as CSV beside them.
#
#     Rscript make.R
#
# The CSV files are R's own account of the same objects, and what the tests compare with.

suppressPackageStartupMessages({
  library(Matrix)
  library(SeuratObject)
  library(SingleCellExperiment)
  library(DelayedArray)
})

set.seed(20)
genes <- c(
  "MT-CO1", "MT-ND4", "RPL13", "RPS27", "ACTB", "GAPDH", "MALAT1", "B2M", "CD3E", "CD8A", "NKG7",
  "GNLY", "LYZ", "S100A8", "S100A9", "FCER1A", "CST3", "PPBP", "PF4", "MS4A1", "CD79A", "HLA-DRA",
  "IL7R", "CCR7", "CD14", "FCGR3A", "TMSB4X", "EEF1A1", "H3-3A", "TRDC"
)
cells <- paste0(
  vapply(1:12, function(i) paste(sample(c("A", "C", "G", "T"), 16, TRUE), collapse = ""), ""), "-1"
)
dense <- matrix(rpois(360, 0.8), 30, 12, dimnames = list(genes, cells))
storage.mode(dense) <- "integer"
counts <- as(dense * 1.0, "CsparseMatrix")
total <- colSums(dense)
logged <- log1p(t(t(counts) / total) * 1e4)
labels <- data.frame(
  cell_type = factor(rep(c("T cell", "B cell", "Mégakaryocyte"), c(6, 4, 2)),
    levels = c("T cell", "Mégakaryocyte", "B cell", "never seen")),
  donor = c(rep(c("d1", "d2"), 5), NA, "d1"),
  total = as.integer(total),
  share = total / sum(total),
  kept = c(TRUE, NA, rep(FALSE, 10)),
  row.names = cells
)
umap <- matrix(round(rnorm(24), 3), 12, 2, dimnames = list(cells, c("UMAP_1", "UMAP_2")))
ensembl <- sprintf("ENSG%011d", seq_along(genes))

write.csv(dense, "expected_counts.csv")
write.csv(as.matrix(logged), "expected_logged.csv")
write.csv(labels, "expected_labels.csv")
write.csv(umap, "expected_umap.csv")

# ---- matrices, in every way that R writes a file
saveRDS(counts, "dgc.rds")
saveRDS(counts, "dgc_version2.rds", version = 2)
saveRDS(counts, "dgc_ascii.rds", ascii = TRUE)
saveRDS(counts, "dgc_xz.rds", compress = "xz")
saveRDS(counts, "dgc_bzip2.rds", compress = "bzip2")
saveRDS(counts, "dgc_plain.rds", compress = FALSE)
writeBin(serialize(counts, NULL, xdr = FALSE), "dgc_native.rds")
writeBin(serialize(logged, NULL, ascii = NA), "logged_hexadecimal.rds")
saveRDS(as(counts, "TsparseMatrix"), "dgt.rds")
saveRDS(as(counts, "RsparseMatrix"), "dgr.rds")
saveRDS(as(counts, "unpackedMatrix"), "dge.rds")
saveRDS(dense, "dense.rds")
saveRDS(t(dense), "dense_cells_in_rows.rds")
saveRDS(t(counts), "dgc_cells_in_rows.rds")
saveRDS(unname(dense), "dense_without_names.rds")
plain <- dense
dimnames(plain) <- list(paste0("a", 1:30), paste0("b", 1:12))
saveRDS(plain, "dense_undecided.rds")

# ---- tables
saveRDS(as.data.frame(dense), "frame_genes_in_rows.rds")
saveRDS(cbind(as.data.frame(t(dense)), cell_type = labels$cell_type), "frame_cells_in_rows.rds")
saveRDS(cbind(gene = genes, data.frame(dense, row.names = NULL, check.names = FALSE)),
  "frame_gene_column.rds")

# ---- several objects
save(counts, labels, file = "matrix_and_labels.RData")
save(counts, labels, file = "matrix_and_labels_ascii.RData", ascii = TRUE)
save(counts, logged, file = "two_matrices.RData")
saveRDS(list(matrix = counts, notes = "ours", meta = cbind(barcode = cells, labels)[12:1, ]),
  "list.rds")

# ---- Bioconductor
sce <- SingleCellExperiment(
  assays = list(logcounts = logged, counts = counts), colData = DataFrame(labels),
  rowData = DataFrame(gene_id = ensembl, length = seq_along(genes)),
  reducedDims = list(PCA = umap * 2, UMAP = umap)
)
sce$run <- Rle(rep(c("r1", "r2"), c(5, 7)))
saveRDS(sce, "sce.rds")
older <- sce
older@assays <- as(assays(sce, withDimnames = FALSE), "ShallowSimpleListAssays")
# Methods of reference classes come along with every object; they are left out here for their size.
environment_of <- as.environment(older@assays)
fields <- c("data", ".->data")
rm(list = setdiff(ls(environment_of, all.names = TRUE), fields), envir = environment_of)
saveRDS(older, "sce_older.rds")
saveRDS(SummarizedExperiment(list(counts = dense), colData = DataFrame(labels)), "se.rds")
places <- GRanges("1", IRanges(seq_along(genes), width = 1, names = genes), gene_id = ensembl)
saveRDS(SummarizedExperiment(list(counts = dense), rowRanges = places, colData = DataFrame(labels)),
  "se_with_ranges.rds")
delayed <- SingleCellExperiment(list(counts = DelayedArray(counts)), colData = DataFrame(labels))
saveRDS(delayed, "sce_delayed.rds")

# ---- Seurat 4, as the package itself makes it
seurat <- CreateSeuratObject(counts, meta.data = labels)
seurat <- SetAssayData(seurat, "data", as(logged, "CsparseMatrix"))
seurat <- SetAssayData(seurat, "scale.data", t(scale(t(as.matrix(logged)))))
seurat[["umap"]] <- CreateDimReducObject(umap, key = "UMAP_", assay = "RNA")
seurat[["ADT"]] <- CreateAssayObject(counts[1:3, ])
DefaultAssay(seurat) <- "ADT"
Idents(seurat) <- rep(c("0", "1"), 6)
helper <- compiler::cmpfun(function(x, ...) {
  for (i in seq_along(x)) x[[i]] <- tryCatch(x[[i]] + 1, error = function(e) NULL)
  x
})
inside <- compiler::cmpfun(eval(bquote(function(x) lapply(x, .(helper)))))
seurat@commands <- list(Find = helper, Inside = inside)
seurat@misc <- list(helper = helper, when = Sys.Date(), raw = as.raw(1:3), nothing = NULL)
saveRDS(seurat, "seurat4.rds")
fresh <- CreateSeuratObject(counts, meta.data = labels)
save(fresh, file = "seurat4_fresh.RData")

# ---- other versions of Seurat: classes and slots as these versions have them, built by hand
saved_class <- function(name, slots, package, contains = character(), ...) {
  setClass(name, slots = slots, contains = contains, where = globalenv())
  object <- new(name, ...)
  structure(object, class = structure(name, package = package))
}
in_layers <- function(rows, columns) {
  map <- matrix(columns, nrow = length(rows), ncol = length(colnames(columns)),
    dimnames = list(rows, colnames(columns)))
  saved_class("LogMap", character(), "SeuratObject", "matrix", map)
}
assay5 <- function(layers, features, cells) {
  saved_class("Assay5", c(layers = "list", cells = "ANY", features = "ANY", default = "integer",
    assay.orig = "character", meta.data = "data.frame", misc = "list", key = "character"),
    "SeuratObject", layers = layers, cells = in_layers(colnames(counts), cells),
    features = in_layers(genes, features), default = 1L, assay.orig = character(),
    meta.data = data.frame(gene_id = ensembl), misc = list(), key = "rna_")
}
seurat5 <- function(assay) {
  object <- seurat
  object@assays <- list(RNA = assay)
  object@active.assay <- "RNA"
  object@version <- package_version("5.0.1")
  object
}
bare <- function(x) {
  dimnames(x) <- list(NULL, NULL)
  x
}
everywhere <- function(n) {
  matrix(TRUE, n, 2, dimnames = list(NULL, c("counts", "data")))
}
saveRDS(seurat5(assay5(list(counts = bare(counts), data = bare(logged)),
  everywhere(30), everywhere(12))), "seurat5.rds")
# Two samples; the second one lacks the genes that none of its cells has.
first <- c(1, 3, 5, 7, 9, 11)
second <- c(2, 4, 6, 8, 10, 12)
seen <- rowSums(dense[, second]) > 0
split_features <- cbind(counts.1 = rep(TRUE, 30), counts.2 = seen)
split_cells <- cbind(counts.1 = 1:12 %in% first, counts.2 = 1:12 %in% second)
saveRDS(seurat5(assay5(
  list(counts.1 = bare(counts[, first]), counts.2 = bare(counts[seen, second])),
  split_features, split_cells)), "seurat5_split.rds")
on_disk <- saved_class("RenameDims", c(names = "character"), "BPCells", names = "counts")
saveRDS(seurat5(assay5(list(counts = on_disk, data = on_disk), everywhere(30), everywhere(12))),
  "seurat5_on_disk.rds")
wider <- cbind(counts, dropped = 1)
saveRDS(saved_class("seurat", c(raw.data = "ANY", data = "ANY", scale.data = "ANY",
  ident = "factor", meta.data = "data.frame", dr = "list"), "Seurat", raw.data = wider,
  data = logged, scale.data = NULL, ident = Idents(fresh), meta.data = labels, dr = list()),
  "seurat2.rds")

# ---- things that R writes in short: sequences, text made of numbers, what stands on its own
saveRDS(list(counts = counts, meta = data.frame(barcode = cells, order = 1:12,
  code = as.character(1:12), half = as.character(c(1e5, 0.1 + 0.2, 3:12)))), "sequences.rds")
saveRDS(lm(share ~ total, labels), "model.rds")
saveRDS(helper, "function.rds")
saveRDS(NULL, "null.rds")
saveRDS(list(first = list(counts), second = "text"), "nested_list.rds")

note <- c("R" = paste(R.version$major, R.version$minor, sep = "."),
  vapply(c("Matrix", "SeuratObject", "SingleCellExperiment", "SummarizedExperiment"),
    function(p) as.character(packageVersion(p)), ""))
cat(paste(names(note), note), sep = "\n")
