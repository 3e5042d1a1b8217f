//! What a row needs of its cell, in one place.
//!
//! Rows come in cluster order, so cells are met at random: the fitted value and the ingredients of all functionals of a
//! cell stand side by side, in whole cache lines, and a row costs one or two misses instead of three or more.

/// Values per cache line of 64 bytes.
const LINE: usize = 8;

/// mu_c, h_c and t_c of every cell.
#[derive(Debug, Clone)]
pub struct Records {
    len: usize,
    first_constant: usize,
    stride: usize,
    /// `[h_0 .. h_{L-1}, mu, t_first .. t_{L-1}, padding]` per cell, from `offset`.
    data: Vec<f64>,
    offset: usize,
}

impl Records {
    /// Zeros for `n_cells` cells and `len` functionals, of which those from `first_constant` on have a constant.
    pub fn new(n_cells: usize, len: usize, first_constant: usize) -> Self {
        let stride = (len + 1 + (len - first_constant)).next_multiple_of(LINE);
        let data = vec![0.0; n_cells * stride + LINE];
        let offset = data.as_ptr().align_offset(LINE * size_of::<f64>()).min(LINE);
        Records { len, first_constant, stride, data, offset }
    }

    /// Number of functionals, L.
    #[allow(clippy::len_without_is_empty)] // a length of vectors, not of a container
    pub fn len(&self) -> usize {
        self.len
    }

    /// First functional that has a constant; L if none has.
    pub fn first_constant(&self) -> usize {
        self.first_constant
    }

    #[inline]
    fn record(&self, cell: usize) -> &[f64] {
        &self.data[self.offset + cell * self.stride..][..self.stride]
    }

    #[inline]
    fn record_mut(&mut self, cell: usize) -> &mut [f64] {
        &mut self.data[self.offset + cell * self.stride..][..self.stride]
    }

    /// mu_c.
    #[inline]
    pub fn fitted(&self, cell: usize) -> f64 {
        self.record(cell)[self.len]
    }

    /// h_c, all L.
    #[inline]
    pub fn slope(&self, cell: usize) -> &[f64] {
        &self.record(cell)[..self.len]
    }

    /// t_c, of the functionals from [`Self::first_constant`] on.
    #[inline]
    pub fn constant(&self, cell: usize) -> &[f64] {
        &self.record(cell)[self.len + 1..][..self.len - self.first_constant]
    }

    /// Slopes, fitted value and constants at once, for a known L.
    ///
    /// # Panics
    /// If L is another number.
    #[inline]
    pub fn parts<const L: usize>(&self, cell: usize) -> (&[f64; L], f64, &[f64]) {
        let (slope, rest) = self.record(cell).split_first_chunk::<L>().expect("a record holds its slopes");
        (slope, rest[0], &rest[1..=L - self.first_constant])
    }

    /// Sets mu_c.
    pub fn set_fitted(&mut self, cell: usize, fitted: f64) {
        let at = self.len;
        self.record_mut(cell)[at] = fitted;
    }

    /// h_c, to be filled.
    pub fn slope_mut(&mut self, cell: usize) -> &mut [f64] {
        let len = self.len;
        &mut self.record_mut(cell)[..len]
    }

    /// t_c, to be filled.
    pub fn constant_mut(&mut self, cell: usize) -> &mut [f64] {
        let (from, len) = (self.len + 1, self.len - self.first_constant);
        &mut self.record_mut(cell)[from..][..len]
    }
}
